import {
  doublePrecision,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import type { ArtifactRef } from '../../contracts/names.js';
import type { ParameterValues, StopJudgement } from '../../contracts/search.js';

/** What happened to each trial of a search. Rows are only ever added; the database numbers them in one order. */
export const trial = pgTable(
  'trial',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    number: integer().notNull(),
    event: text({
      enum: ['asked', 'judged', 'complete', 'pruned', 'failed', 'chosen'],
    }).notNull(),
    sequence: integer().notNull().default(0),
    parameters: jsonb().$type<ParameterValues>(),
    seen: integer(),
    value: doublePrecision(),
    step: integer(),
    attempts: integer(),
    artifact: jsonb().$type<ArtifactRef>(),
    judgement: jsonb().$type<StopJudgement>(),
    reason: text().notNull().default(''),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.number, table.event] })],
);
