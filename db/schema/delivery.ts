import { integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { DeliveryOutcome, Stage, Trigger } from '../../contracts/delivery.js';

export const delivery = pgTable(
  'delivery',
  {
    model: text().notNull(),
    number: integer().notNull(),
    workflowId: text('workflow_id').notNull(),
    firstRunId: text('first_run_id').notNull(),
    trigger: text().$type<Trigger>().notNull(),
    requestedBy: text('requested_by').notNull(),
    reason: text().notNull().default(''),
    specDigest: text('spec_digest').notNull(),
    windowFrom: timestamp('window_from', { withTimezone: true }),
    windowTo: timestamp('window_to', { withTimezone: true }),
    snapshotDigest: text('snapshot_digest'),
    stage: text().$type<Stage>().notNull(),
    outcome: text().$type<DeliveryOutcome>(),
    explanation: text().notNull().default(''),
    openedAt: timestamp('opened_at', { withTimezone: true }).notNull().defaultNow(),
    closedAt: timestamp('closed_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.model, table.number] })],
);

export const deliveryStage = pgTable(
  'delivery_stage',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    stage: text().$type<Stage>().notNull(),
    startedAt: timestamp('started_at', { withTimezone: true }).notNull().defaultNow(),
    endedAt: timestamp('ended_at', { withTimezone: true }),
    detail: jsonb().$type<Record<string, unknown>>().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.stage] })],
);
