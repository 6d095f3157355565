import { bigint, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { ArtifactRef } from '../../contracts/names.js';

export const checkpoint = pgTable(
  'checkpoint',
  {
    key: text().notNull(),
    number: integer().notNull(),
    name: text().notNull(),
    step: bigint({ mode: 'number' }).notNull(),
    manifest: jsonb().$type<ArtifactRef>().notNull(),
    bytes: bigint({ mode: 'number' }).notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
    corruptAt: timestamp('corrupt_at', { withTimezone: true }),
    expiredAt: timestamp('expired_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.key, table.number] })],
);
