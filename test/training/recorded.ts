import { and, asc, eq, sql } from 'drizzle-orm';
import type { Executor } from '../../db/connect.js';
import { metric, trainingLog, trainingRun } from '../../db/schema/training.js';

/** Output of all attempts of a delivery in order, from byte `since` of each attempt's output on. */
export async function trainingLogs(
  db: Executor,
  model: string,
  delivery: number,
  since = 0,
): Promise<{ attempt: number; offset: number; line: string; at: Date }[]> {
  return db
    .select({
      attempt: trainingRun.attempt,
      offset: trainingLog.lineOffset,
      line: trainingLog.line,
      at: trainingLog.at,
    })
    .from(trainingLog)
    .innerJoin(trainingRun, eq(trainingRun.key, trainingLog.key))
    .where(
      and(
        eq(trainingRun.model, model),
        eq(trainingRun.delivery, delivery),
        sql`${trainingLog.lineOffset} >= ${since}`,
      ),
    )
    .orderBy(asc(trainingRun.trial), asc(trainingRun.attempt), asc(trainingLog.lineOffset));
}

/** Metrics of all attempts of a delivery, by attempt, name and step. */
export async function trainingMetrics(
  db: Executor,
  model: string,
  delivery: number,
): Promise<{ attempt: number; name: string; step: number; value: number }[]> {
  return db
    .select({
      attempt: trainingRun.attempt,
      name: metric.name,
      step: metric.step,
      value: metric.value,
    })
    .from(metric)
    .innerJoin(trainingRun, eq(trainingRun.key, metric.key))
    .where(and(eq(trainingRun.model, model), eq(trainingRun.delivery, delivery)))
    .orderBy(asc(trainingRun.trial), asc(trainingRun.attempt), asc(metric.name), asc(metric.step));
}
