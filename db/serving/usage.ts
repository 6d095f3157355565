import { sql } from 'drizzle-orm';
import type { Executor } from '../connect.js';
import { servingUsage } from '../schema/serving-usage.js';

/** What one run of a gateway used so far for a version, in one month and by one price book. */
export type ServingUsageRow = Omit<typeof servingUsage.$inferInsert, 'updatedAt'>;

/** Statements stay well below the protocol's 65,535 parameters. */
const rowsPerStatement = 1_000;

/**
 * Writes what gateways used so far. Absolute numbers under (…, gateway, epoch): writing them again, or newer ones, replaces the row, and
 * older ones that come late change nothing.
 */
export async function storeServingUsage(
  db: Executor,
  rows: readonly ServingUsageRow[],
): Promise<void> {
  for (let from = 0; from < rows.length; from += rowsPerStatement) {
    await db
      .insert(servingUsage)
      .values(rows.slice(from, from + rowsPerStatement))
      .onConflictDoUpdate({
        target: [
          servingUsage.model,
          servingUsage.version,
          servingUsage.month,
          servingUsage.priceBook,
          servingUsage.gateway,
          servingUsage.epoch,
        ],
        set: {
          predictions: sql`excluded.predictions`,
          processorMicros: sql`excluded.processor_us`,
          mebibyteMillis: sql`excluded.mebibyte_ms`,
          amount: sql`excluded.amount`,
          millijoules: sql`excluded.millijoules`,
          micrograms: sql`excluded.micrograms`,
          updatedAt: sql`now()`,
        },
        setWhere: sql`excluded.processor_us >= ${servingUsage.processorMicros}
        AND excluded.mebibyte_ms >= ${servingUsage.mebibyteMillis}`,
      });
  }
}
