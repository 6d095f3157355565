import { sql } from 'drizzle-orm';
import { stage, type Stage } from '../../contracts/delivery.js';
import type { LogPage } from '../../contracts/overview.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows } from '../rows.js';
import { findDelivery } from '../delivery/view.js';
import { offsetsPerRank } from '../schema/training.js';
import { readLogCursor, writeLogCursor } from './log-cursor.js';

/**
 * Lines that the trainer wrote after `since`, in order over all attempts or of one, kept at `from` or later: those of several replicas
 * in the order in which they were kept, each replica's in its own; or those of one. Throws DELIVERY_NOT_FOUND.
 */
export async function readLogPage(
  db: Executor,
  model: string,
  number: number,
  {
    since,
    limit,
    from,
    attempt: only,
    trial,
    rank,
  }: {
    since: string;
    limit: number;
    from?: string | undefined;
    attempt?: number | undefined;
    /** Of a search; left out, the one that stands for it. */
    trial?: number | undefined;
    rank?: number | undefined;
  },
): Promise<LogPage> {
  // Whether it is over is asked before the lines: no line can slip between the two answers.
  const delivery = await findDelivery(db, model, number);
  const shown = trial ?? (await standingTrial(db, model, number));
  const replicas = await replicasOf(db, delivery.specDigest);
  const cursor = readLogCursor(since, shown);
  // Of each replica at most a page, by the index. A clock that was set back must not bring a line before an earlier one of its replica.
  const rows = await readRows(
    db,
    sql`SELECT r.attempt, ranks.rank, l.line_offset - base.at AS line_offset, l.line, l.at
      FROM training_run r
      CROSS JOIN LATERAL generate_series(0, ((SELECT max(line_offset) FROM training_log WHERE key = r.key) / ${offsetsPerRank}::bigint)::int) AS ranks (rank)
      CROSS JOIN LATERAL (SELECT ranks.rank * ${offsetsPerRank}::bigint AS at) base
      CROSS JOIN LATERAL (
        SELECT line_offset, line, at, max(at) OVER (ORDER BY line_offset) AS turn FROM (
          SELECT line_offset, line, at FROM training_log
          WHERE key = r.key AND line_offset < base.at + ${offsetsPerRank}::bigint
            AND line_offset > base.at + CASE WHEN r.attempt = ${cursor.attempt}::int
              THEN coalesce((string_to_array(${cursor.offsets.join(',')}, ',', '')::bigint[])[ranks.rank + 1], -1) ELSE -1 END
            AND ${from === undefined ? sql`true` : sql`at >= ${from}::timestamptz`}
          ORDER BY line_offset LIMIT ${limit}) unread) l
      WHERE r.model = ${model} AND r.delivery = ${number} AND r.trial = ${shown} AND r.attempt >= ${cursor.attempt}::int
        AND ${only === undefined ? sql`true` : sql`r.attempt = ${only}`} AND ${rank === undefined ? sql`true` : sql`ranks.rank = ${rank}`}
      ORDER BY r.attempt, l.turn, ranks.rank, l.line_offset LIMIT ${limit}`,
  );
  const lines = rows.map((row) => ({
    attempt: Number(row.attempt),
    rank: Number(row.rank),
    offset: Number(row.line_offset),
    line: String(row.line),
    at: instantOf(row.at) ?? '',
  }));
  return {
    lines: replicas > 1 ? lines : lines.map((each) => ({ ...each, rank: null })),
    next: lines.length > 0 ? writeLogCursor(cursor, lines) : since,
    complete: isTrained(delivery) && lines.length < limit,
  };
}

/** A training ends before its delivery does: the stages behind it add nothing to its log. */
function isTrained(delivery: { outcome: string | null; stage: Stage }): boolean {
  const order = stage.options;
  return delivery.outcome !== null || order.indexOf(delivery.stage) > order.indexOf('train');
}

async function standingTrial(db: Executor, model: string, delivery: number): Promise<number> {
  const [row] = await readRows(db, sql`SELECT standing_trial(${model}, ${delivery}) AS trial`);
  return Number(row?.trial ?? 0);
}

async function replicasOf(db: Executor, specDigest: string): Promise<number> {
  const [row] = await readRows(
    db,
    sql`SELECT content #>> '{spec,training,replicas}' AS replicas FROM spec WHERE digest = ${specDigest}`,
  );
  return Number(row?.replicas ?? 1);
}
