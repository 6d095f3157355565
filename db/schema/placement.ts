import { integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

/** What an attempt asks for, and its place among those who wait. */
export const placement = pgTable('placement', {
  key: text().primaryKey(),
  class: text().notNull(),
  count: integer().notNull(),
  priority: integer().notNull(),
  since: timestamp({ withTimezone: true }).notNull(),
  preempted: integer().notNull().default(0),
});

/** What a machine owns, by its own word. */
export const gpuAdvert = pgTable(
  'gpu_advert',
  {
    host: text().notNull(),
    class: text().notNull(),
    devices: integer().notNull(),
    seenAt: timestamp('seen_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.host, table.class] })],
);
