import { integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Judgement, ReleaseStep } from '../../contracts/release.js';
import type { ReleaseStatus } from '../../contracts/release-state.js';

export const release = pgTable('release', {
  runId: text('run_id').primaryKey(),
  model: text().notNull(),
  version: integer().notNull(),
  champion: integer(),
  delivery: integer().notNull(),
  workflowId: text('workflow_id').notNull(),
  status: text().$type<ReleaseStatus>().notNull(),
  step: integer().notNull().default(0),
  steps: jsonb().$type<ReleaseStep[]>().notNull(),
  requestedBy: text('requested_by').notNull(),
  reason: text().notNull().default(''),
  steered: integer().notNull().default(0),
  startedAt: timestamp('started_at', { withTimezone: true }).notNull().defaultNow(),
  endedAt: timestamp('ended_at', { withTimezone: true }),
});

export const releaseStep = pgTable(
  'release_step',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    version: integer().notNull(),
    step: integer().notNull(),
    look: integer().notNull(),
    judgement: jsonb().$type<Judgement>().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.model, table.delivery, table.version, table.step, table.look] }),
  ],
);
