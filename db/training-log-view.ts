import { sql } from 'drizzle-orm';
import type { LogPage } from '../contracts/overview.js';
import type { Executor } from './connect.js';
import { findDelivery } from './delivery-view.js';
import { instantOf, readRows } from './overview.js';

/** Lines that the trainer wrote after `since` (`attempt:offset`), in order over all attempts. Throws DELIVERY_NOT_FOUND. */
export async function readLogPage(
  db: Executor,
  model: string,
  number: number,
  { since, limit }: { since: string; limit: number },
): Promise<LogPage> {
  // Whether it has ended is asked before the lines: no line can slip between the two answers.
  const { outcome } = await findDelivery(db, model, number);
  const [attempt = 0, offset = 0] = since.split(':').map(Number);
  const rows = await readRows(
    db,
    sql`SELECT r.attempt, l.line_offset, l.line, l.at
      FROM training_log l JOIN training_run r ON r.key = l.key
      WHERE r.model = ${model} AND r.delivery = ${number} AND (r.attempt, l.line_offset) > (${attempt}::int, ${offset}::bigint)
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
    next: last ? `${last.attempt}:${last.offset}` : since,
    complete: outcome !== null && lines.length < limit,
  };
}
