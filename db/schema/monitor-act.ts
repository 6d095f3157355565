import { integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { MonitorAct } from '../../contracts/monitor.js';

/** Append-only. */
export const monitorAct = pgTable(
  'monitor_act',
  {
    runId: text('run_id').notNull(),
    number: integer().notNull(),
    model: text().notNull(),
    act: text().$type<MonitorAct['act']>().notNull(),
    by: text().notNull(),
    reason: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.number] })],
);
