import { bigint, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';

/** One row a device; its fence never falls, and a device that is held changes hands only once its time is over. */
export const gpuLease = pgTable(
  'gpu_lease',
  {
    host: text().notNull(),
    device: integer().notNull(),
    class: text().notNull(),
    key: text(),
    fence: bigint({ mode: 'number' }).notNull().default(0),
    takenAt: timestamp('taken_at', { withTimezone: true }),
    renewedAt: timestamp('renewed_at', { withTimezone: true }),
    expiresAt: timestamp('expires_at', { withTimezone: true }),
    /** The more urgent training that its holder is asked to give way to. */
    yieldTo: text('yield_to'),
    /** When its supervision heard of that: from then on the wish stands. */
    yieldToldAt: timestamp('yield_told_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.host, table.device] })],
);

export const gpuWait = pgTable(
  'gpu_wait',
  {
    host: text().notNull(),
    class: text().notNull(),
    key: text().notNull(),
    priority: integer().notNull(),
    since: timestamp({ withTimezone: true }).notNull().defaultNow(),
    askedAt: timestamp('asked_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.host, table.key] })],
);
