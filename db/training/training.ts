import { and, desc, eq, isNull, max, sql } from 'drizzle-orm';
import { alias } from 'drizzle-orm/pg-core';
import { PerennialError } from '../../contracts/errors.js';
import type { AskedTrial, DeliveryKey, TrainingAttempt } from '../../contracts/stages.js';
import type { ProgressLine, TrainingOutcome } from '../../contracts/training.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor, Transaction } from '../connect.js';
import { enterStage, reopenStage } from '../delivery/stage.js';
import { metric, offsetsPerRank, trainingLog, trainingRun } from '../schema/training.js';

const rowsAtOnce = 1_000;

/** Opens an attempt's row; the stage of its training goes on with it. The same attempt again finds its row and changes nothing. */
export async function openTrainingRun(
  db: Database,
  { model, delivery, attempt, key, trial }: TrainingAttempt & { trial?: AskedTrial | undefined },
  backend: string,
): Promise<void> {
  const number = trial?.number ?? 0;
  await db.transaction(async (tx) => {
    const inserted = await tx
      .insert(trainingRun)
      .values({ model, delivery, trial: number, attempt, key, backend })
      .onConflictDoNothing()
      .returning({ key: trainingRun.key });
    if (inserted.length === 0) return;
    // It may wait long for a worker: that is training by then, and no part of the stage before.
    await enterStage(tx, { model, delivery }, 'train');
    await reopenStage(tx, { model, delivery }, 'train');
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'training.opened',
      subject: `${model}/${delivery}`,
      detail: { attempt, key, backend, ...(trial && { trial: number }) },
    });
  });
}

/** How the attempt ended; null while it has not. */
export async function recordedOutcome(db: Executor, key: string): Promise<TrainingOutcome | null> {
  const [row] = await db
    .select({ outcome: trainingRun.outcome })
    .from(trainingRun)
    .where(eq(trainingRun.key, key));
  return row?.outcome ?? null;
}

/** Attempts without an outcome: those that run, and those that nobody looks after any more. */
export async function listOpenAttempts(
  db: Executor,
): Promise<(TrainingAttempt & { trial: number })[]> {
  const { model, delivery, trial, attempt, key } = trainingRun;
  return db
    .select({ model, delivery, trial, attempt, key })
    .from(trainingRun)
    .where(isNull(trainingRun.outcome));
}

/**
 * Records how an attempt ended. The first record stands: a later one gets it back and changes nothing. Throws FENCED for an attempt that has
 * a successor: what it brings comes too late.
 */
export async function recordOutcome(
  db: Database,
  { model, delivery, attempt, key }: TrainingAttempt,
  outcome: TrainingOutcome,
): Promise<TrainingOutcome> {
  return db.transaction(async (tx) => {
    await lockTraining(tx, { model, delivery });
    const recorded = await recordedOutcome(tx, key);
    if (recorded) return recorded;
    await requireNewestAttempt(tx, { model, delivery, attempt, key });
    const updated = await tx
      .update(trainingRun)
      .set({ outcome, endedAt: sql`now()` })
      .where(eq(trainingRun.key, key))
      .returning({ key: trainingRun.key });
    if (updated.length === 0) return outcome;
    await appendAudit(tx, {
      actor: 'perennial',
      action: `training.${wasPreempted(outcome) ? 'preempted' : outcome.kind}`,
      subject: `${model}/${delivery}`,
      detail:
        outcome.kind === 'succeeded'
          ? { attempt, key, model: outcome.model.sha256, environment: outcome.environment }
          : { attempt, key, code: outcome.code, reason: outcome.reason },
    });
    return outcome;
  });
}

function wasPreempted(outcome: TrainingOutcome): boolean {
  return outcome.kind === 'retry' && outcome.preempted === true;
}

/** Lets one writer of a delivery's trainings through at a time, until its transaction ends. The triggers take the same lock. */
export async function lockTraining(
  tx: Transaction,
  { model, delivery }: DeliveryKey,
): Promise<void> {
  await tx.execute(sql`SELECT lock_training(${model}, ${delivery})`);
}

/** Whether an attempt may add anything: it has no outcome and no successor. Lock first. */
export async function mayStillWrite(tx: Transaction, attempt: TrainingAttempt): Promise<boolean> {
  if (await recordedOutcome(tx, attempt.key)) return false;
  return (await newestAttempt(tx, attempt.key)) === attempt.attempt;
}

/** Throws FENCED for an attempt that has a successor: whatever it would do comes too late. */
export async function requireNewestAttempt(
  db: Executor,
  { model, delivery, attempt, key }: TrainingAttempt,
): Promise<void> {
  const newest = await newestAttempt(db, key);
  if (newest <= attempt) return;
  throw new PerennialError(
    'FENCED',
    `Attempt ${attempt} of ${model}/${delivery} has been superseded by attempt ${newest}: what it brings counts for nothing.`,
    { model, delivery, attempt, newest },
  );
}

/** Of the training that the attempt by this key belongs to: its delivery's, or its trial's. */
async function newestAttempt(db: Executor, key: string): Promise<number> {
  const own = alias(trainingRun, 'own');
  const [row] = await db
    .select({ newest: max(trainingRun.attempt) })
    .from(trainingRun)
    .innerJoin(
      own,
      and(
        eq(own.model, trainingRun.model),
        eq(own.delivery, trainingRun.delivery),
        eq(own.trial, trainingRun.trial),
      ),
    )
    .where(eq(own.key, key));
  return row?.newest ?? 0;
}

/** The last attempt of a trial; null where it has none. */
export async function newestTrialRun(
  db: Executor,
  { model, delivery }: DeliveryKey,
  trial: number,
): Promise<{ attempt: number; key: string; outcome: TrainingOutcome | null } | null> {
  const { attempt, key, outcome } = trainingRun;
  const [row] = await db
    .select({ attempt, key, outcome })
    .from(trainingRun)
    .where(
      and(
        eq(trainingRun.model, model),
        eq(trainingRun.delivery, delivery),
        eq(trainingRun.trial, trial),
      ),
    )
    .orderBy(desc(attempt))
    .limit(1);
  return row ?? null;
}

/** Stores metrics once by name and step; one that is there already stays. */
export async function recordMetrics(
  db: Executor,
  key: string,
  lines: ProgressLine[],
): Promise<void> {
  const rows = lines.flatMap(({ step, metrics }) =>
    Object.entries(metrics).map(([name, value]) => ({ key, name, step, value })),
  );
  for (let start = 0; start < rows.length; start += rowsAtOnce)
    await db
      .insert(metric)
      .values(rows.slice(start, start + rowsAtOnce))
      .onConflictDoNothing();
}

/** Stores lines of output once by the rank of their replica and their offset in what it said. */
export async function recordLog(
  db: Executor,
  key: string,
  lines: { rank: number; offset: number; line: string }[],
): Promise<void> {
  const rows = lines.map(({ rank, offset, line }) => ({
    key,
    lineOffset: rank * offsetsPerRank + offset,
    line,
  }));
  for (let start = 0; start < rows.length; start += rowsAtOnce)
    await db
      .insert(trainingLog)
      .values(rows.slice(start, start + rowsAtOnce))
      .onConflictDoNothing();
}
