import { desc, eq } from 'drizzle-orm';
import { driftReport as reportContract, type DriftReport } from '../../contracts/drift.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { addToOutbox } from '../outbox.js';
import { driftReport, retrainingDecision } from '../schema/drift.js';

/** Reports about a model, whatever versions they are about, the newest first. */
export async function listDriftReports(
  db: Executor,
  model: string,
  limit: number,
): Promise<DriftReport[]> {
  const rows = await db
    .select({ report: driftReport.report })
    .from(driftReport)
    .where(eq(driftReport.model, model))
    .orderBy(desc(driftReport.checkNumber))
    .limit(limit);
  return rows.map(({ report }) => reportContract.parse(report));
}

/** The newest report about a model; null before its first check. */
export async function lastDriftReport(db: Executor, model: string): Promise<DriftReport | null> {
  const [last] = await listDriftReports(db, model, 1);
  return last ?? null;
}

/** Keeps a report with its decision, and tells of an alarm that is new. A report that is there already stays, and nobody is told again. */
export async function storeDriftReport(
  db: Database,
  report: DriftReport,
  { newAlarm }: { newAlarm: boolean },
): Promise<void> {
  const { model, version, check, decision } = report;
  await db.transaction(async (tx) => {
    const at = new Date(report.at);
    const stored = await tx
      .insert(driftReport)
      .values({ model, checkNumber: check, version, report, at })
      .onConflictDoNothing()
      .returning({ check: driftReport.checkNumber });
    if (stored.length === 0) return;
    await tx.insert(retrainingDecision).values({ model, checkNumber: check, at, ...decision });
    const subject = `${model} v${version}`;
    const facts = {
      check,
      severity: report.severity,
      score: report.score,
      rows: report.rows,
      ...decision,
    };
    if (newAlarm) {
      await addToOutbox(tx, {
        key: `drift.alarmed/${model}/${check}`,
        type: 'drift.alarmed',
        subject,
        payload: { model, version, ...facts },
      });
    }
    if (decision.action === 'retrain') {
      await appendAudit(tx, {
        actor: 'perennial',
        action: 'retraining.decided',
        subject,
        detail: facts,
      });
    }
  });
}
