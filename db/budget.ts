import { sql, type SQL } from 'drizzle-orm';
import {
  budgetView,
  type BudgetName,
  type BudgetPeriod,
  type BudgetView,
} from '../contracts/budget.js';
import { PerennialError } from '../contracts/errors.js';
import { appendAudit } from './audit.js';
import type { Database, Executor, Transaction } from './connect.js';
import { addToOutbox } from './outbox.js';
import { readRows } from './overview.js';
import { newestPriceBook, requireCurrency } from './price-book.js';
import { budget } from './schema/money.js';

/** Micro-units; null is no limit. */
export interface Limits {
  soft: number | null;
  hard: number | null;
}

/** Whom a training's money is counted to. */
export interface Payer {
  team: string;
  model: string;
  delivery: number;
}

/** Sets a budget's limits in place of those it had; what was spent stays. Throws PRICES_MISSING, CURRENCY_DIFFERS. */
export async function setBudgetLimits(
  db: Database,
  {
    name,
    limits,
    by,
    reason,
  }: {
    name: BudgetName;
    limits: Limits & { period: BudgetPeriod; currency: string };
    by: string;
    reason: string;
  },
): Promise<BudgetView> {
  return db.transaction(async (tx) => {
    const prices = await newestPriceBook(tx);
    if (!prices)
      throw new PerennialError('PRICES_MISSING', 'Without prices no budget can be counted.');
    requireCurrency(limits.currency, prices);
    const [before] = await standings(tx, only(name), sql`FOR UPDATE`);
    await tx
      .insert(budget)
      .values({ ...name, ...limits })
      .onConflictDoUpdate({ target: [budget.scope, budget.name], set: limits });
    return tellChange(tx, { name, by, reason, action: 'budget.set', before });
  });
}

/** Raises the limits that a budget has by an amount in micro-units. Throws BUDGET_NOT_FOUND. Not for repeating: each call raises once more. */
export async function extendBudgetLimits(
  db: Database,
  { name, amount, by, reason }: { name: BudgetName; amount: number; by: string; reason: string },
): Promise<BudgetView> {
  return db.transaction(async (tx) => {
    const [before] = await standings(tx, only(name), sql`FOR UPDATE`);
    if (!before)
      throw new PerennialError(
        'BUDGET_NOT_FOUND',
        `There is no budget of ${name.scope} '${name.name}'.`,
      );
    await tx
      .update(budget)
      .set({ soft: sql`${budget.soft} + ${amount}`, hard: sql`${budget.hard} + ${amount}` })
      .where(only(name));
    return tellChange(tx, { name, by, reason, action: 'budget.extended', before });
  });
}

async function tellChange(
  tx: Transaction,
  {
    name,
    by,
    reason,
    action,
    before,
  }: {
    name: BudgetName;
    by: string;
    reason: string;
    action: string;
    before: BudgetView | undefined;
  },
): Promise<BudgetView> {
  const [after] = await standings(tx, only(name));
  if (!after) throw new Error('A budget was written and is not there');
  await appendAudit(tx, {
    actor: by,
    action,
    subject: subjectOf(name),
    detail: {
      reason,
      before: before ? { soft: before.soft, hard: before.hard, period: before.period } : null,
      after: { soft: after.soft, hard: after.hard, period: after.period },
      currency: after.currency,
    },
  });
  return after;
}

/** The limits that a spec sets for each of its deliveries. A second time, or where a person has set others, nothing changes. */
export async function ensureDeliveryBudget(
  tx: Executor,
  { model, delivery }: Payer,
  limits: Limits & { currency: string },
): Promise<void> {
  await tx
    .insert(budget)
    .values({ scope: 'delivery', name: `${model}/${delivery}`, period: 'total', ...limits })
    .onConflictDoNothing();
}

/** All budgets with how they stand. */
export function listBudgets(db: Executor): Promise<BudgetView[]> {
  return standings(db, sql`true`);
}

/** The budgets that bear on a training, and how they stand; with `lock` held until the transaction ends. */
export function budgetsOver(
  db: Executor,
  { team, model, delivery }: Payer,
  { lock = false }: { lock?: boolean } = {},
): Promise<BudgetView[]> {
  return standings(
    db,
    sql`(scope, name) IN (('team', ${team}::text), ('model', ${model}::text), ('delivery', ${`${model}/${delivery}`}::text))`,
    lock ? sql`FOR UPDATE` : sql``,
  );
}

/** Tells once a month, by audit and outbox, that a budget's soft limit is passed. */
export async function tellSoftLimit(db: Database, passed: BudgetView): Promise<void> {
  const { scope, name, soft, hard, spent, currency } = passed;
  await db.transaction(async (tx) => {
    const told = await readRows(
      tx,
      sql`INSERT INTO budget_notice (scope, name, month, soft) VALUES (${scope}, ${name}, month_of(now()), ${soft})
        ON CONFLICT DO NOTHING RETURNING month`,
    );
    if (told.length === 0) return;
    const subject = subjectOf({ scope, name });
    const payload = { scope, name, soft, hard, spent, currency };
    const key = `budget.soft-limit-passed/${subject}/${soft}/${String(told[0]?.month)}`;
    await addToOutbox(tx, { key, type: 'budget.soft-limit-passed', subject, payload });
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'budget.soft-limit-passed',
      subject,
      detail: payload,
    });
  });
}

/** Tells outside, once for an attempt, that a budget keeps its training from going on. */
export async function tellExceeded(
  db: Executor,
  { key, budget: passed, reason }: { key: string; budget: BudgetView; reason: string },
): Promise<void> {
  const { scope, name, hard, spent, currency } = passed;
  await addToOutbox(db, {
    key: `budget.exceeded/${key}`,
    type: 'budget.exceeded',
    subject: subjectOf({ scope, name }),
    payload: { scope, name, hard, spent, currency, reason },
  });
}

function subjectOf({ scope, name }: BudgetName): string {
  return scope === 'team' ? `team ${name}` : name;
}

function only({ scope, name }: BudgetName): SQL {
  return sql`scope = ${scope} AND name = ${name}`;
}

async function standings(db: Executor, where: SQL, lock: SQL = sql``): Promise<BudgetView[]> {
  // The sums are read after the lock is held, by a statement of their own: the first one's snapshot is from before.
  if (lock.queryChunks.length > 0)
    await db.execute(sql`SELECT 1 FROM budget WHERE ${where} ORDER BY scope, name ${lock}`);
  const rows = await readRows(
    db,
    sql`SELECT scope, name, period, currency, soft::float8, hard::float8,
      budget_spent(budget)::float8 AS spent, budget_reserved(budget)::float8 AS reserved
      FROM budget WHERE ${where} ORDER BY scope, name`,
  );
  return rows.map((row) => budgetView.parse(row));
}
