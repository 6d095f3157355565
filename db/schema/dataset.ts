import { bigint, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { SnapshotManifest, Validation } from '../../contracts/dataset.js';
import type { ArtifactRef } from '../../contracts/names.js';
import type { Finding } from '../../contracts/verdict.js';

export const snapshot = pgTable('snapshot', {
  digest: text().primaryKey(),
  model: text().notNull(),
  /** Where the manifest lies; `content` is what it says. */
  manifest: jsonb().$type<ArtifactRef>().notNull(),
  content: jsonb().$type<SnapshotManifest>().notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});

export const checkResult = pgTable(
  'check_result',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    name: text().notNull(),
    finding: jsonb().$type<Finding>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.name] })],
);

export const validation = pgTable(
  'validation',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    content: jsonb().$type<Validation>().notNull(),
    quarantined: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery] })],
);
