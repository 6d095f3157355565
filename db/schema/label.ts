import { pgTable, primaryKey, smallint, text, timestamp } from 'drizzle-orm/pg-core';

export const label = pgTable(
  'label',
  {
    model: text().notNull(),
    id: text().notNull(),
    label: smallint().$type<0 | 1>().notNull(),
    eventTime: timestamp('event_time', { withTimezone: true }),
    receivedAt: timestamp('received_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.id] })],
);
