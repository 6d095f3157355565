import { sql, type SQL } from 'drizzle-orm';
import { budgetView, type BudgetName, type BudgetView } from '../../contracts/budget.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { addToOutbox } from '../outbox.js';
import { budget } from '../schema/money.js';

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

/** One budget, and how it stands; with `lock` held until the transaction ends. Null where there is none. */
export async function findBudget(
  db: Executor,
  { scope, name }: BudgetName,
  { lock = false }: { lock?: boolean } = {},
): Promise<BudgetView | null> {
  const only = sql`scope = ${scope} AND name = ${name}`;
  const [found] = await standings(db, only, lock ? sql`FOR UPDATE` : sql``);
  return found ?? null;
}

/** Tells once a period and limit, by audit and outbox, that a budget's soft limit is passed. */
export async function tellSoftLimit(db: Database, passed: BudgetView): Promise<void> {
  const { scope, name, period, soft, hard, spent, currency } = passed;
  // A budget for all the time there is has one period, and that began with the first month there was.
  const month = period === 'month' ? sql`month_of(now())` : sql`date '1970-01-01'`;
  await db.transaction(async (tx) => {
    const told = await readRows(
      tx,
      sql`INSERT INTO budget_notice (scope, name, month, soft) VALUES (${scope}, ${name}, ${month}, ${soft})
        ON CONFLICT DO NOTHING RETURNING to_char(month, 'YYYY-MM') AS month`,
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

/** What the audit chain calls a budget. */
export function subjectOf({ scope, name }: BudgetName): string {
  return scope === 'team' ? `team ${name}` : name;
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
