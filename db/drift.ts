import { and, count, desc, eq, gt, inArray, isNull, max, sql } from 'drizzle-orm';
import { z } from 'zod';
import { driftReport as reportContract, type DriftReport } from '../contracts/drift.js';
import {
  windowCounts,
  type LabelledCounts,
  type WindowCounts,
} from '../contracts/window-counts.js';
import type { Database, Executor } from './connect.js';
import { appendAudit } from './audit.js';
import { lossOf } from './release/loss.js';
import { addToOutbox } from './outbox.js';
import { delivery } from './schema/delivery.js';
import { driftReport, retrainingDecision } from './schema/drift.js';
import { prediction } from './schema/prediction.js';
import { windowCount } from './schema/window-count.js';

/** Instants that mark how far was read: to the microsecond, which a Date would cut off and so read the last rows for ever. */
const microseconds = (column: unknown) =>
  sql<string>`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The newest report about a model, whatever version it is about. */
export async function lastDriftReport(db: Executor, model: string): Promise<DriftReport | null> {
  const [row] = await db
    .select({ report: driftReport.report })
    .from(driftReport)
    .where(eq(driftReport.model, model))
    .orderBy(desc(driftReport.checkNumber))
    .limit(1);
  return row ? reportContract.parse(row.report) : null;
}

export interface UnweighedWindow {
  counts: WindowCounts;
  windowStart: Date;
}

/** Counts of a champion that were written after `since`: those of windows that went on meanwhile come whole. */
export async function countsSince(
  db: Executor,
  { model, version, since }: { model: string; version: number; since: string | null },
): Promise<{ windows: UnweighedWindow[]; until: string | null }> {
  const rows = await db
    .select({
      counts: windowCount.counts,
      windowStart: windowCount.windowStart,
      updatedAt: microseconds(windowCount.updatedAt),
    })
    .from(windowCount)
    .where(
      and(
        eq(windowCount.model, model),
        eq(windowCount.version, version),
        inArray(windowCount.role, ['champion', 'baseline']),
        since === null ? undefined : sql`${windowCount.updatedAt} > ${since}::timestamptz`,
      ),
    )
    .orderBy(windowCount.updatedAt);
  return {
    windows: rows.map(({ counts, windowStart }) => ({
      counts: windowCounts.parse(counts),
      windowStart,
    })),
    until: rows.at(-1)?.updatedAt ?? since,
  };
}

const labelledRow = z.object({
  rows: z.number(),
  positives: z.number(),
  scores: z.number(),
  loss: z.number(),
  squares: z.number(),
  brier: z.number(),
  until: z.string().nullable(),
});

/** Sums over a version's answers whose label came after `since`. */
export async function labelledSince(
  db: Executor,
  { model, version, since }: { model: string; version: number; since: string | null },
): Promise<{ labelled: LabelledCounts; until: string | null }> {
  const { rows } = await db.execute(sql`
    SELECT count(*)::int AS rows, coalesce(sum(label), 0)::int AS positives, coalesce(sum(score), 0)::float8 AS scores,
      coalesce(sum(loss), 0)::float8 AS loss, coalesce(sum(loss * loss), 0)::float8 AS squares,
      coalesce(sum((score - label) ^ 2), 0)::float8 AS brier, ${microseconds(sql`max(received_at)`)} AS until
    FROM (
      SELECT l.label, l.received_at, p.score, ${lossOf(sql`l.label`, sql`p.score`)} AS loss
      FROM label l JOIN ${prediction} p ON p.model = l.model AND p.id = l.id
      WHERE l.model = ${model} AND p.version = ${version} AND p.score IS NOT NULL
        AND (${since}::timestamptz IS NULL OR l.received_at > ${since}::timestamptz)
    ) AS labelled`);
  const [found] = z.array(labelledRow).parse(rows);
  if (!found) throw new Error('Sums came without a row');
  return {
    labelled: {
      rows: found.rows,
      positives: found.positives,
      scoreSum: found.scores,
      logLossSum: found.loss,
      logLossSquares: found.squares,
      brierSum: found.brier,
    },
    until: found.until ?? since,
  };
}

/** Event time of the newest answer whose label is known; null while there is none. */
export async function lastLabelledTime(db: Executor, model: string): Promise<Date | null> {
  const { rows } = await db.execute(sql`
    SELECT ${microseconds(sql`max(p.event_time)`)} AS at
    FROM label l JOIN ${prediction} p ON p.model = l.model AND p.id = l.id
    WHERE l.model = ${model}`);
  const at = z.array(z.object({ at: z.string().nullable() })).parse(rows)[0]?.at;
  return at ? new Date(at) : null;
}

export interface PastRetrainings {
  lastAt: Date | null;
  lastMonth: number;
  failures: number;
  running: number | null;
}

/** What was retrained before, and whether a delivery is under way. */
export async function pastRetrainings(
  db: Executor,
  model: string,
  now: Date,
): Promise<PastRetrainings> {
  const decided = and(
    eq(retrainingDecision.model, model),
    eq(retrainingDecision.action, 'retrain'),
  );
  const monthAgo = new Date(now.getTime() - 30 * 86_400_000);
  const [decisions] = await db
    .select({ at: max(retrainingDecision.at) })
    .from(retrainingDecision)
    .where(decided);
  const [month] = await db
    .select({ many: count() })
    .from(retrainingDecision)
    .where(and(decided, gt(retrainingDecision.at, monthAgo)));
  const [closed] = await db
    .select({ at: max(delivery.closedAt) })
    .from(delivery)
    .where(eq(delivery.model, model));
  const [promoted] = await db
    .select({ number: max(delivery.number) })
    .from(delivery)
    .where(and(eq(delivery.model, model), eq(delivery.outcome, 'promoted')));
  const [failed] = await db
    .select({ many: count() })
    .from(delivery)
    .where(
      and(
        eq(delivery.model, model),
        gt(delivery.number, promoted?.number ?? 0),
        inArray(delivery.trigger, ['schedule', 'drift', 'performance', 'age']),
        inArray(delivery.outcome, [
          'training-failed',
          'gate-failed',
          'rejected',
          'rolled-back',
          'failed',
        ]),
      ),
    );
  const [running] = await db
    .select({ number: delivery.number })
    .from(delivery)
    .where(and(eq(delivery.model, model), isNull(delivery.outcome)));
  const times = [decisions?.at, closed?.at].flatMap((at) => (at ? [at.getTime()] : []));
  return {
    lastAt: times.length > 0 ? new Date(Math.max(...times)) : null,
    lastMonth: month?.many ?? 0,
    failures: failed?.many ?? 0,
    running: running?.number ?? null,
  };
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
