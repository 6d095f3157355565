import { and, desc, eq, isNull, lte, sql } from 'drizzle-orm';
import type { KeptCheckpoint } from '../../contracts/checkpoint.js';
import type { TrainingAttempt } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { checkpoint } from '../schema/checkpoint.js';
import { trainingRun } from '../schema/training.js';
import { lockTraining, mayStillWrite } from './training.js';

export interface ListedCheckpoint extends KeptCheckpoint {
  key: string;
  number: number;
}

/**
 * Remembers a kept checkpoint as the attempt's newest. False, and nothing is changed, for an attempt that has ended or has a successor.
 * The one that is the newest already is not written again.
 */
export async function recordCheckpoint(
  db: Database,
  attempt: TrainingAttempt,
  { name, step, manifest, bytes }: KeptCheckpoint,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockTraining(tx, attempt);
    if (!(await mayStillWrite(tx, attempt))) return false;
    const [newest] = await tx
      .select({ number: checkpoint.number, manifest: checkpoint.manifest })
      .from(checkpoint)
      .where(eq(checkpoint.key, attempt.key))
      .orderBy(desc(checkpoint.number))
      .limit(1);
    if (newest?.manifest.sha256 === manifest.sha256) return true;
    const number = (newest?.number ?? 0) + 1;
    await tx.insert(checkpoint).values({ key: attempt.key, number, name, step, manifest, bytes });
    return true;
  });
}

/** What an attempt may start from, newest first: its own and its predecessors' checkpoints but those found corrupt or expired. A trial's are its own. */
export async function listCheckpoints(
  db: Executor,
  { model, delivery, attempt, key }: TrainingAttempt,
): Promise<ListedCheckpoint[]> {
  return db
    .select({
      key: checkpoint.key,
      number: checkpoint.number,
      name: checkpoint.name,
      step: checkpoint.step,
      manifest: checkpoint.manifest,
      bytes: checkpoint.bytes,
    })
    .from(checkpoint)
    .innerJoin(trainingRun, eq(trainingRun.key, checkpoint.key))
    .where(
      and(
        eq(trainingRun.model, model),
        eq(trainingRun.delivery, delivery),
        sql`${trainingRun.trial} = coalesce((SELECT trial FROM training_run WHERE key = ${key}), 0)`,
        lte(trainingRun.attempt, attempt),
        isNull(checkpoint.corruptAt),
        isNull(checkpoint.expiredAt),
      ),
    )
    .orderBy(desc(trainingRun.attempt), desc(checkpoint.number));
}

/** Marks a checkpoint as corrupt, for good. Marked again, nothing changes. */
export async function markCheckpointCorrupt(
  db: Database,
  { model, delivery }: TrainingAttempt,
  { key, number, name, manifest }: ListedCheckpoint,
  reason: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    const marked = await tx
      .update(checkpoint)
      .set({ corruptAt: new Date() })
      .where(
        and(eq(checkpoint.key, key), eq(checkpoint.number, number), isNull(checkpoint.corruptAt)),
      )
      .returning({ key: checkpoint.key });
    if (marked.length === 0) return;
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'checkpoint.corrupt',
      subject: `${model}/${delivery}`,
      detail: { code: 'CHECKPOINT_CORRUPT', key, name, checkpoint: manifest.sha256, reason },
    });
  });
}
