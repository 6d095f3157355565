import { and, desc, eq, sql } from 'drizzle-orm';
import type { TrainingAttempt } from '../../contracts/stages.js';
import type { Executor } from '../connect.js';
import { trainingAccount } from '../schema/money.js';
import { trainingRun } from '../schema/training.js';

/** What tells how long a training will likely take: seconds of the model's last good one, and milliseconds that this one has run so far. */
export async function readPace(
  db: Executor,
  attempt: Pick<TrainingAttempt, 'model' | 'delivery' | 'key'>,
): Promise<{ lastSeconds: number | null; ran: number }> {
  return {
    lastSeconds: await lastTrainingSeconds(db, attempt.model),
    ran: await ranSoFar(db, attempt),
  };
}

async function lastTrainingSeconds(db: Executor, model: string): Promise<number | null> {
  const seconds = sql<number>`(${trainingRun.outcome} ->> 'seconds')::float8`;
  const [row] = await db
    .select({ seconds })
    .from(trainingRun)
    .where(and(eq(trainingRun.model, model), sql`${trainingRun.outcome} ->> 'kind' = 'succeeded'`))
    .orderBy(desc(trainingRun.endedAt))
    .limit(1);
  return row?.seconds ?? null;
}

/** All attempts at the same training together; other trials of a search are other trainings. */
async function ranSoFar(
  db: Executor,
  { model, delivery, key }: Pick<TrainingAttempt, 'model' | 'delivery' | 'key'>,
): Promise<number> {
  const trial = sql`(SELECT trial FROM training_run WHERE key = ${key})`;
  const [row] = await db
    .select({ ran: sql<number>`coalesce(sum(${trainingAccount.milliseconds}), 0)::float8` })
    .from(trainingAccount)
    .innerJoin(trainingRun, eq(trainingRun.key, trainingAccount.key))
    .where(
      and(
        eq(trainingRun.model, model),
        eq(trainingRun.delivery, delivery),
        sql`${trainingRun.trial} = ${trial}`,
      ),
    );
  return row?.ran ?? 0;
}
