import { and, eq } from 'drizzle-orm';
import type { Evaluated } from '../../contracts/evaluation.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { delivery } from '../schema/delivery.js';
import { evaluation, gateVerdict } from '../schema/evaluation.js';

/**
 * Keeps what an evaluation found: a delivery has one, with one row a gate. Harmless to repeat: equal content changes nothing,
 * other content (a better look at the same model) replaces the rows as one.
 */
export async function keepEvaluation(
  db: Database,
  key: DeliveryKey,
  { modelSha256, evaluated }: { modelSha256: string; evaluated: Evaluated },
): Promise<void> {
  await db.transaction(async (tx) => {
    // Two attempts at once take turns here.
    const [opened] = await tx
      .select({ requestedBy: delivery.requestedBy })
      .from(delivery)
      .where(and(eq(delivery.model, key.model), eq(delivery.number, key.delivery)))
      .for('update');
    const before = await loadEvaluation(tx, key);
    if (before?.report.sha256 === evaluated.report.sha256) return;
    const row = { modelSha256, content: evaluated, verdict: evaluated.verdict };
    await tx
      .insert(evaluation)
      .values({ ...key, ...row })
      .onConflictDoUpdate({ target: [evaluation.model, evaluation.delivery], set: row });
    await tx
      .delete(gateVerdict)
      .where(and(eq(gateVerdict.model, key.model), eq(gateVerdict.delivery, key.delivery)));
    if (evaluated.gates.length > 0) {
      await tx.insert(gateVerdict).values(
        evaluated.gates.map((finding) => ({
          ...key,
          name: finding.name,
          verdict: finding.verdict,
          finding,
        })),
      );
    }
    await appendAudit(tx, {
      actor: opened?.requestedBy ?? 'perennial',
      action: 'model.evaluated',
      subject: `${key.model}/${key.delivery}`,
      detail: {
        modelSha256,
        evaluationSha256: evaluated.report.sha256,
        verdict: evaluated.verdict,
        summary: evaluated.summary,
      },
    });
  });
}

async function loadEvaluation(db: Executor, key: DeliveryKey): Promise<Evaluated | null> {
  const [row] = await db
    .select({ content: evaluation.content })
    .from(evaluation)
    .where(and(eq(evaluation.model, key.model), eq(evaluation.delivery, key.delivery)));
  return row?.content ?? null;
}
