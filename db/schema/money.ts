import {
  bigint,
  date,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core';
import type { BudgetPeriod, BudgetScope, Reach } from '../../contracts/budget.js';
import type { HourlyRate, PriceBook } from '../../contracts/price-book.js';

const count = (name: string) => bigint(name, { mode: 'number' }).notNull();
const instant = (name: string) => timestamp(name, { withTimezone: true });

export const priceBook = pgTable('price_book', {
  number: integer().primaryKey(),
  digest: text().notNull(),
  currency: text().notNull(),
  content: jsonb().$type<PriceBook>().notNull(),
  setBy: text('set_by').notNull(),
  setAt: instant('set_at').notNull().defaultNow(),
});

export const budget = pgTable(
  'budget',
  {
    scope: text().$type<BudgetScope>().notNull(),
    name: text().notNull(),
    period: text().$type<BudgetPeriod>().notNull(),
    currency: text().notNull(),
    soft: bigint({ mode: 'number' }),
    hard: bigint({ mode: 'number' }),
  },
  (table) => [primaryKey({ columns: [table.scope, table.name] })],
);

export const budgetNotice = pgTable(
  'budget_notice',
  {
    scope: text().$type<BudgetScope>().notNull(),
    name: text().notNull(),
    month: date().notNull(),
    soft: count('soft'),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.scope, table.name, table.month, table.soft] })],
);

export const trainingAccount = pgTable('training_account', {
  key: text().primaryKey(),
  team: text().notNull(),
  model: text().notNull(),
  delivery: integer().notNull(),
  priceBook: integer('price_book').notNull(),
  rate: jsonb().$type<HourlyRate>().notNull(),
  sequence: integer().notNull().default(0),
  reserved: count('reserved').default(0),
  spent: count('spent').default(0),
  milliseconds: count('milliseconds').default(0),
  remainder: integer().notNull().default(0),
  millijoules: count('millijoules').default(0),
  micrograms: count('micrograms').default(0),
  settledAt: instant('settled_at'),
});

export const ledger = pgTable(
  'ledger',
  {
    key: text().notNull(),
    sequence: integer().notNull(),
    kind: text().$type<'reservation' | 'usage' | 'settlement'>().notNull(),
    amount: count('amount'),
    milliseconds: count('milliseconds').default(0),
    remainder: integer().notNull().default(0),
    millijoules: count('millijoules').default(0),
    micrograms: count('micrograms').default(0),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.key, table.sequence] })],
);

export const budgetExtension = pgTable('budget_extension', {
  id: text().primaryKey(),
  scope: text().$type<BudgetScope>().notNull(),
  name: text().notNull(),
  amount: count('amount'),
  extendedBy: text('extended_by').notNull(),
  at: instant('at').notNull().defaultNow(),
});

export const moneyWait = pgTable('money_wait', {
  key: text().primaryKey(),
  team: text().notNull(),
  needs: count('needs'),
  enough: bigint({ mode: 'number' }),
  reach: text().$type<Reach>(),
  since: instant('since').notNull().defaultNow(),
  until: instant('until').notNull(),
});
