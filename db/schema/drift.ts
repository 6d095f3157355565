import { integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Trigger } from '../../contracts/delivery.js';
import type { DriftReport, RetrainingDecision } from '../../contracts/drift.js';

export const driftReport = pgTable(
  'drift_report',
  {
    model: text().notNull(),
    checkNumber: integer('check_number').notNull(),
    version: integer().notNull(),
    report: jsonb().$type<DriftReport>().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.checkNumber] })],
);

export const retrainingDecision = pgTable(
  'retraining_decision',
  {
    model: text().notNull(),
    checkNumber: integer('check_number').notNull(),
    action: text().$type<RetrainingDecision['action']>().notNull(),
    trigger: text().$type<Trigger>(),
    reason: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.checkNumber] })],
);
