import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import { z } from 'zod';
import type { ArmCounts } from '../../contracts/release.js';
import { latencyBounds } from '../../contracts/window-counts.js';
import type { Executor } from '../connect.js';
import { lossOf } from './loss.js';
import { prediction } from '../schema/prediction.js';
import { windowCount } from '../schema/window-count.js';

export type ComparedRole = 'canary' | 'baseline';

/** What one gateway counted of one compared arm in one window. */
export interface ArmWindow {
  role: ComparedRole;
  revision: number;
  windowStart: Date;
  requests: number;
  errors: number;
  latency: number[];
}

const histogram = z.array(z.number());

/** The compared arms window by window, under the given revisions of the route. */
export async function armWindows(
  db: Executor,
  model: string,
  revisions: readonly number[],
): Promise<ArmWindow[]> {
  if (revisions.length === 0) return [];
  const rows = await db
    .select({
      role: windowCount.role,
      revision: windowCount.revision,
      windowStart: windowCount.windowStart,
      requests: sql<number>`(${windowCount.counts}->'requests')::int`,
      errors: sql<number>`(${windowCount.counts}->'errors')::int`,
      latency: sql`${windowCount.counts}->'latency'`,
    })
    .from(windowCount)
    .where(
      and(
        eq(windowCount.model, model),
        inArray(windowCount.revision, [...revisions]),
        inArray(windowCount.role, ['canary', 'baseline']),
      ),
    )
    .orderBy(windowCount.windowStart);
  return rows.map((row) => ({
    ...row,
    role: row.role === 'canary' ? 'canary' : 'baseline',
    latency: histogram.parse(row.latency),
  }));
}

/** Newest windows that tell what latency was before the canary came. */
const windowsBefore = 500;

/** Latency histogram of a model's champion under revisions before `revision`. */
export async function latencyBefore(
  db: Executor,
  model: string,
  version: number,
  revision: number,
): Promise<number[]> {
  const rows = await db
    .select({ latency: sql`${windowCount.counts}->'latency'` })
    .from(windowCount)
    .where(
      and(
        eq(windowCount.model, model),
        eq(windowCount.version, version),
        lt(windowCount.revision, revision),
      ),
    )
    .orderBy(desc(windowCount.updatedAt))
    .limit(windowsBefore);
  return rows.reduce<number[]>(
    (sum, row) => addHistograms(sum, histogram.parse(row.latency)),
    noLatency(),
  );
}

function noLatency(): number[] {
  return Array.from({ length: latencyBounds.length + 1 }, () => 0);
}

export function addHistograms(a: readonly number[], b: readonly number[]): number[] {
  return a.map((count, index) => count + (b[index] ?? 0));
}

type AnswerCounts = Pick<ArmCounts, 'entities' | 'labelled' | 'logLossSum' | 'logLossSquares'>;

const answerRow = z.object({
  role: z.string(),
  entities: z.number(),
  labelled: z.number(),
  loss: z.number(),
  squares: z.number(),
});

/** What the prediction log says of the compared arms: who asked, and how good the answers were whose label has come. */
export async function armAnswers(
  db: Executor,
  model: string,
  revisions: readonly number[],
  since: Date,
): Promise<Record<ComparedRole, AnswerCounts>> {
  const none = { entities: 0, labelled: 0, logLossSum: 0, logLossSquares: 0 };
  const answers = { canary: { ...none }, baseline: { ...none } };
  if (revisions.length === 0) return answers;
  const { rows } = await db.execute(sql`
    SELECT role, count(DISTINCT entity)::int AS entities, count(loss)::int AS labelled,
      coalesce(sum(loss), 0)::float8 AS loss, coalesce(sum(loss * loss), 0)::float8 AS squares
    FROM (
      SELECT p.role, p.entity, ${lossOf(sql`l.label`, sql`p.score`)} AS loss
      FROM ${prediction} p LEFT JOIN label l ON l.model = p.model AND l.id = p.id
      WHERE p.model = ${model} AND p.revision IN ${revisions} AND p.role IN ('canary', 'baseline')
        AND p.received_at >= ${since}
    ) AS answered
    GROUP BY role`);
  for (const each of z.array(answerRow).parse(rows)) {
    if (each.role !== 'canary' && each.role !== 'baseline') continue;
    answers[each.role] = {
      entities: each.entities,
      labelled: each.labelled,
      logLossSum: each.loss,
      logLossSquares: each.squares,
    };
  }
  return answers;
}
