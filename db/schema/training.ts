import {
  bigint,
  doublePrecision,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import type { TrainingOutcome } from '../../contracts/training.js';

export const trainingRun = pgTable(
  'training_run',
  {
    model: text().notNull(),
    delivery: integer().notNull(),
    /** Of its delivery's search; 0 where nothing is searched. */
    trial: integer().notNull().default(0),
    attempt: integer().notNull(),
    key: text().notNull().unique(),
    backend: text().notNull(),
    outcome: jsonb().$type<TrainingOutcome>(),
    startedAt: timestamp('started_at', { withTimezone: true }).notNull().defaultNow(),
    endedAt: timestamp('ended_at', { withTimezone: true }),
  },
  (table) => [primaryKey({ columns: [table.model, table.delivery, table.trial, table.attempt] })],
);

export const metric = pgTable(
  'metric',
  {
    key: text().notNull(),
    name: text().notNull(),
    step: integer().notNull(),
    value: doublePrecision().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.key, table.name, table.step] })],
);

/** What a replica says begins in the log at its rank times this: far beyond what is kept of any, and 64 ranks fit a number. */
export const offsetsPerRank = 2 ** 40;

export const trainingLog = pgTable(
  'training_log',
  {
    key: text().notNull(),
    lineOffset: bigint('line_offset', { mode: 'number' }).notNull(),
    line: text().notNull(),
    at: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.key, table.lineOffset] })],
);
