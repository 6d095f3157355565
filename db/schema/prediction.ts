import {
  bigint,
  doublePrecision,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';

/** Partitioned by day of `receivedAt`; written by COPY only (db/serving/prediction-tuple.ts holds the order of the columns). */
export const prediction = pgTable('prediction', {
  model: text().notNull(),
  id: text().notNull(),
  gateway: text().notNull(),
  epoch: bigint({ mode: 'number' }).notNull(),
  sequence: bigint({ mode: 'number' }).notNull(),
  version: integer().notNull(),
  role: text().notNull(),
  revision: integer().notNull(),
  entity: text().notNull(),
  eventTime: timestamp('event_time', { withTimezone: true }).notNull(),
  receivedAt: timestamp('received_at', { withTimezone: true }).notNull(),
  latencyMicros: integer('latency_us').notNull(),
  score: doublePrecision(),
  error: text(),
  inputs: jsonb().$type<Record<string, number | string | null>>().notNull(),
});

export const gatewayMark = pgTable(
  'gateway_mark',
  {
    gateway: text().notNull(),
    epoch: bigint({ mode: 'number' }).notNull(),
    sequence: bigint({ mode: 'number' }).notNull(),
    dropped: bigint({ mode: 'number' }).notNull().default(0),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.gateway, table.epoch] })],
);
