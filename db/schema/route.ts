import { integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Route } from '../../contracts/serving.js';

/** Append-only: a trigger refuses changes, and any revision but the newest plus one. */
export const route = pgTable(
  'route',
  {
    model: text().notNull(),
    revision: integer().notNull(),
    salt: text().notNull(),
    arms: jsonb().$type<Route['arms']>().notNull(),
    act: text().notNull(),
    reason: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.revision] })],
);
