import { createHash, randomBytes } from 'node:crypto';
import { and, eq, isNull, lte, sql } from 'drizzle-orm';
import type { ProgressLine } from '../../contracts/training.js';
import type { Database, Executor } from '../connect.js';
import { trainingRun } from '../schema/training.js';
import { progressToken, trainingProgress } from '../schema/training-seen.js';
import { recordMetrics } from './training.js';

export interface Progress {
  step: number;
  total: number | null;
  message: string;
  remainingSeconds: number | null;
  at: Date;
}

/** Where an attempt stands by its own word; null before it has said anything. */
export async function readProgressOf(db: Executor, key: string): Promise<Progress | null> {
  const { step, total, message, remainingSeconds, at } = trainingProgress;
  const [row] = await db
    .select({ step, total, message, remainingSeconds, at })
    .from(trainingProgress)
    .where(eq(trainingProgress.key, key));
  return row ?? null;
}

/**
 * Keeps metrics by name and step, and the newest line as where the attempt stands. Told again it changes nothing: a metric stays as it
 * was first told, and a lower step than the one known is passed over.
 */
export async function recordProgress(
  db: Database,
  key: string,
  lines: ProgressLine[],
  remainingSeconds: number | null = null,
): Promise<void> {
  const newest = lines.reduce<ProgressLine | null>(
    (best, line) => (best === null || line.step >= best.step ? line : best),
    null,
  );
  if (newest === null) return;
  await db.transaction(async (tx) => {
    await recordMetrics(tx, key, lines);
    const { step, message = '' } = newest;
    const total = lines.findLast((line) => line.total !== undefined)?.total ?? null;
    await tx
      .insert(trainingProgress)
      .values({ key, step, total, message, remainingSeconds })
      .onConflictDoUpdate({
        target: trainingProgress.key,
        set: {
          step,
          message,
          remainingSeconds,
          total: sql`coalesce(excluded.total, ${trainingProgress.total})`,
          at: sql`now()`,
        },
        setWhere: lte(trainingProgress.step, step),
      });
  });
}

/**
 * A new token by which the trainer of this attempt may report. Only its digest is kept. Issued again, both hold: of two who lay out
 * the same job, only one token reaches the trainer, and neither knows which.
 */
export async function issueProgressToken(db: Executor, key: string): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await db.insert(progressToken).values({ hash: hashOf(token), key });
  return token;
}

/** Whether the token is one of this attempt, and the attempt has not ended. */
export async function mayReport(db: Executor, key: string, token: string): Promise<boolean> {
  const rows = await db
    .select({ key: progressToken.key })
    .from(progressToken)
    .innerJoin(trainingRun, eq(trainingRun.key, progressToken.key))
    .where(
      and(
        eq(progressToken.hash, hashOf(token)),
        eq(progressToken.key, key),
        isNull(trainingRun.outcome),
      ),
    );
  return rows.length > 0;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
