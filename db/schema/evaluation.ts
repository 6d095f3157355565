import { boolean, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import type { Evaluated } from '../../contracts/evaluation.js';
import type { Finding, Verdict } from '../../contracts/verdict.js';

export const evaluation = pgTable(
  'evaluation',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    modelSha256: text('model_sha256').notNull(),
    content: jsonb().$type<Evaluated>().notNull(),
    verdict: text().$type<Verdict>().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery] })],
);

export const gateVerdict = pgTable(
  'gate_verdict',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    name: text().notNull(),
    verdict: text().$type<Verdict>().notNull(),
    finding: jsonb().$type<Finding>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.name] })],
);

export const policyDecision = pgTable(
  'policy_decision',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    name: text().notNull(),
    engine: text().notNull(),
    expression: text().notNull(),
    input: jsonb().$type<Record<string, unknown>>().notNull(),
    result: boolean().notNull(),
    reason: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.name] })],
);
