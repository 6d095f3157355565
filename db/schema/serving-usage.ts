import { bigint, date, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull();

export const servingUsage = pgTable(
  'serving_usage',
  {
    model: text().notNull(),
    version: integer().notNull(),
    /** Its first day, UTC. */
    month: date().notNull(),
    priceBook: integer('price_book').notNull(),
    gateway: text().notNull(),
    epoch: bigint({ mode: 'number' }).notNull(),
    predictions: count('predictions'),
    processorMicros: count('processor_us'),
    mebibyteMillis: count('mebibyte_ms'),
    amount: count('amount'),
    millijoules: count('millijoules'),
    micrograms: count('micrograms'),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({
      columns: [
        table.model,
        table.version,
        table.month,
        table.priceBook,
        table.gateway,
        table.epoch,
      ],
    }),
  ],
);
