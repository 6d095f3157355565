import { sql } from 'drizzle-orm';
import type { Executor } from '../connect.js';
import { servingUsage } from '../schema/serving-usage.js';

/** What one run of a gateway used so far for a version, in one month and by one price book. */
export type ServingUsageRow = Omit<typeof servingUsage.$inferInsert, 'updatedAt'>;

/**
 * Writes what gateways used so far. Absolute numbers under (…, gateway, epoch): writing them again, or newer ones, replaces the row, and
 * older ones that come late change nothing.
 */
export async function storeServingUsage(
  db: Executor,
  rows: readonly ServingUsageRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await db
    .insert(servingUsage)
    .values([...rows])
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
