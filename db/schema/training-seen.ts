import { integer, pgTable, primaryKey, real, text, timestamp } from 'drizzle-orm/pg-core';

/** Its step never falls. */
export const trainingProgress = pgTable('training_progress', {
  key: text().primaryKey(),
  step: integer().notNull(),
  total: integer(),
  message: text().notNull().default(''),
  remainingSeconds: integer('remaining_seconds'),
  at: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

export const progressToken = pgTable('progress_token', {
  hash: text().primaryKey(),
  key: text().notNull(),
  at: timestamp({ withTimezone: true }).notNull().defaultNow(),
});

export const gpuSample = pgTable(
  'gpu_sample',
  {
    key: text().notNull(),
    device: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull(),
    name: text().notNull(),
    utilisation: real(),
    memoryMib: real('memory_mib'),
    memoryTotalMib: real('memory_total_mib'),
    watts: real(),
  },
  (table) => [primaryKey({ columns: [table.key, table.device, table.at] })],
);
