import { integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Evidence } from '../../contracts/approval.js';
import type { VersionView } from '../../contracts/delivery.js';
import type { MetricValues } from '../../contracts/evaluation.js';
import type { ArtifactRef } from '../../contracts/names.js';

export const version = pgTable(
  'version',
  {
    model: text().notNull(),
    version: integer().notNull(),
    delivery: integer().notNull(),
    artifact: jsonb().$type<ArtifactRef>().notNull(),
    reference: jsonb().$type<ArtifactRef>().notNull(),
    golden: jsonb().$type<ArtifactRef>().notNull(),
    evidence: text().notNull(),
    evidenceContent: jsonb('evidence_content').$type<Evidence>().notNull(),
    metrics: jsonb().$type<MetricValues>().notNull(),
    lineage: jsonb().$type<VersionView['lineage']>().notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.version] })],
);

export const alias = pgTable(
  'alias',
  {
    model: text().notNull(),
    name: text().notNull(),
    version: integer().notNull(),
    updatedAt: timestamp('updated_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.name] })],
);
