import { integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Admission, ApprovalView, Decision } from '../../contracts/approval.js';
import type { ApprovalPolicy } from '../../contracts/spec.js';

export const approval = pgTable(
  'approval',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    version: integer().notNull(),
    evidence: text().notNull(),
    policy: jsonb().$type<ApprovalPolicy>().notNull(),
    requestedBy: text('requested_by').notNull(),
    summary: text().notNull(),
    standing: text().$type<ApprovalView['standing']>().notNull(),
    openedAt: timestamp('opened_at', { withTimezone: true }).notNull().defaultNow(),
    expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
    closedAt: timestamp('closed_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery] })],
);

export const vote = pgTable(
  'vote',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    by: text().notNull(),
    vote: text().$type<'approve' | 'reject'>().notNull(),
    reason: text().notNull(),
    evidence: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.by] })],
);

export const admission = pgTable(
  'admission',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    messageId: text('message_id').notNull(),
    decision: jsonb().$type<Decision>().notNull(),
    answer: jsonb().$type<Admission>().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.messageId] })],
);
