import { sql } from 'drizzle-orm';
import type { Executor } from '../connect.js';
import { windowCount } from '../schema/window-count.js';

export type WindowCountRow = Omit<typeof windowCount.$inferInsert, 'updatedAt'>;

/** Statements stay well below the protocol's 65,535 parameters. */
const rowsPerStatement = 1_000;

/** Writes what a gateway counted so far. Absolute numbers under (…, gateway, epoch): writing them again, or newer ones, replaces the row. */
export async function storeWindowCounts(
  db: Executor,
  rows: readonly WindowCountRow[],
): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    await db
      .insert(windowCount)
      .values(rows.slice(from, from + rowsPerStatement))
      .onConflictDoUpdate({
        target: [
          windowCount.model,
          windowCount.version,
          windowCount.role,
          windowCount.revision,
          windowCount.windowStart,
          windowCount.gateway,
          windowCount.epoch,
        ],
        // Not now(): that is the start of the transaction, and readers that go by `updated_at` would pass the row over.
        set: { counts: sql`excluded.counts`, updatedAt: sql`clock_timestamp()` },
        // Counts only grow: a window that a gateway reopened must not replace its larger self.
        setWhere: sql`(excluded.counts->>'requests')::bigint >= (${windowCount.counts}->>'requests')::bigint`,
      });
  }
}
