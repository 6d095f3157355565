import { sql } from 'drizzle-orm';
import { stage, type Stage } from '../../contracts/delivery.js';
import type { LogPage } from '../../contracts/overview.js';
import type { Executor } from '../connect.js';
import { findDelivery } from '../delivery/view.js';
import { instantOf, readRows } from '../model/overview.js';

/**
 * Lines that the trainer wrote after `since` (`attempt:offset`), in order over all attempts or of one, kept at `from` or later.
 * Throws DELIVERY_NOT_FOUND.
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
  }: {
    since: string;
    limit: number;
    from?: string | undefined;
    attempt?: number | undefined;
    /** Of a search; left out, the one that stands for it. */
    trial?: number | undefined;
  },
): Promise<LogPage> {
  // Whether it is over is asked before the lines: no line can slip between the two answers.
  const delivery = await findDelivery(db, model, number);
  const shown = trial ?? (await standingTrial(db, model, number));
  const [offset = 0, attempt = 0, before = 0] = since.split(':').map(Number).toReversed();
  // Another trial than the one before is read from its beginning.
  const [afterAttempt, afterOffset] = before === shown ? [attempt, offset] : [0, 0];
  const rows = await readRows(
    db,
    sql`SELECT r.attempt, l.line_offset, l.line, l.at
      FROM training_log l JOIN training_run r ON r.key = l.key
      WHERE r.model = ${model} AND r.delivery = ${number} AND r.trial = ${shown} AND (r.attempt, l.line_offset) > (${afterAttempt}::int, ${afterOffset}::bigint)
        AND ${from === undefined ? sql`true` : sql`l.at >= ${from}::timestamptz`} AND ${only === undefined ? sql`true` : sql`r.attempt = ${only}`}
      ORDER BY r.attempt, l.line_offset LIMIT ${limit}`,
  );
  const lines = rows.map((row) => ({
    attempt: Number(row.attempt),
    offset: Number(row.line_offset),
    line: String(row.line),
    at: instantOf(row.at) ?? '',
  }));
  const last = lines.at(-1);
  return {
    lines,
    next: last ? `${shown > 0 ? `${shown}:` : ''}${last.attempt}:${last.offset}` : since,
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
