import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { DeliveryKey, TrainingAttempt } from '../../contracts/stages.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';

const row = z.object({
  delivery: z.int(),
  attempt: z.int(),
  key: z.string(),
  error: z.string().nullable(),
  specDigest: z.string(),
  train: z.string().nullable(),
});

export interface UnpaidTraining extends TrainingAttempt {
  specDigest: string;
  /** Digest of the rows it was trained on. */
  train: string | null;
}

/** Trainings of the deliveries right before this one that only money stopped, newest first: what they learned is worth going on with. */
export async function listUnpaidBefore(
  db: Executor,
  { model, delivery }: DeliveryKey,
): Promise<UnpaidTraining[]> {
  const found = await readRows(
    db,
    sql`SELECT DISTINCT ON (r.delivery) r.delivery, r.attempt, r.key, r.outcome ->> 'error' AS error, d.spec_digest AS "specDigest",
        v.content #>> '{channels,train,sha256}' AS train
      FROM training_run r
      JOIN delivery d ON d.model = r.model AND d.number = r.delivery
      LEFT JOIN validation v ON v.model = r.model AND v.delivery = r.delivery
      WHERE r.model = ${model} AND r.trial = 0 AND r.delivery BETWEEN ${delivery - 20} AND ${delivery - 1}
      ORDER BY r.delivery DESC, r.attempt DESC`,
  );
  const before = found.map((each) => row.parse(each));
  const other = before.findIndex(({ error }) => error !== 'BUDGET_EXCEEDED');
  return before
    .slice(0, other === -1 ? before.length : other)
    .map(({ delivery: number, attempt, key, specDigest, train }) => ({
      model,
      delivery: number,
      attempt,
      key,
      specDigest,
      train,
    }));
}
