import { bigint, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { ArmRole } from '../../contracts/serving.js';
import type { WindowCounts } from '../../contracts/window-counts.js';

export const windowCount = pgTable(
  'window_count',
  {
    model: text().notNull(),
    version: integer().notNull(),
    role: text().$type<ArmRole>().notNull(),
    revision: integer().notNull(),
    windowStart: timestamp('window_start', { withTimezone: true }).notNull(),
    gateway: text().notNull(),
    epoch: bigint({ mode: 'number' }).notNull(),
    counts: jsonb().$type<WindowCounts>().notNull(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({
      columns: [
        table.model,
        table.version,
        table.role,
        table.revision,
        table.windowStart,
        table.gateway,
        table.epoch,
      ],
    }),
  ],
);
