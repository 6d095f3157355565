import type { SQL } from 'drizzle-orm';
import type { Executor } from './connect.js';

/** A row as PostgreSQL hands it over; the contracts parse it, so that no half-written row leaves as an answer. */
export type Row = Record<string, unknown>;

export async function readRows(db: Executor, query: SQL): Promise<Row[]> {
  const { rows } = await db.execute<Row>(query);
  return rows;
}

/** Instant of a timestamptz column, null where it is. */
export function instantOf(value: unknown): string | null {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? new Date(value).toISOString() : null;
}
