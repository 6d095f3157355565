import { and, eq, inArray, sql } from 'drizzle-orm';
import { z } from 'zod';
import {
  windowCounts,
  type LabelledCounts,
  type WindowCounts,
} from '../../contracts/window-counts.js';
import type { Executor } from '../connect.js';
import { lossOf } from '../release/loss.js';
import { prediction } from '../schema/prediction.js';
import { windowCount } from '../schema/window-count.js';

/** Instants that mark how far was read: to the microsecond, which a Date would cut off and so read the last rows for ever. */
const microseconds = (column: unknown) =>
  sql<string>`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

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
