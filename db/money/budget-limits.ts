import { and, eq, sql } from 'drizzle-orm';
import type { BudgetName, BudgetPeriod, BudgetView } from '../../contracts/budget.js';
import { PerennialError } from '../../contracts/errors.js';
import { amountOf } from '../../contracts/money.js';
import { appendAudit } from '../audit.js';
import { findBudget, subjectOf, type Limits } from './budget.js';
import type { Database, Transaction } from '../connect.js';
import { listAwaitedMoney } from './money-wait.js';
import { newestPriceBook, requireCurrency } from './price-book.js';
import { budget, budgetExtension } from '../schema/money.js';

/** Who changes a budget, and why. */
interface Change {
  name: BudgetName;
  by: string;
  reason: string;
}

/** A budget as it stands after a change, and as it stood before; null where there was none. */
export interface Changed {
  before: BudgetView | null;
  after: BudgetView;
}

/** Micro-units; null is no limit, and what is left out stays as it is. */
type AskedLimits = { [Key in keyof Limits]?: Limits[Key] | undefined } & {
  period?: BudgetPeriod | undefined;
  currency: string;
};

/**
 * Sets those of a budget's limits that are named; the others, and what was spent, stay. The same a second time changes nothing. Throws
 * PRICES_MISSING, CURRENCY_DIFFERS, and INPUT_INVALID where no limit would be left or the soft one be above the hard one.
 */
export async function setBudgetLimits(
  db: Database,
  { limits: asked, ...change }: Change & { limits: AskedLimits },
): Promise<Changed> {
  return db.transaction(async (tx) => {
    const prices = await newestPriceBook(tx);
    if (!prices)
      throw new PerennialError('PRICES_MISSING', 'Without prices no budget can be counted.');
    requireCurrency(asked.currency, prices);
    const before = await findBudget(tx, change.name, { lock: true });
    const limits = mergeLimits(before, asked);
    await tx
      .insert(budget)
      .values({ ...change.name, ...limits })
      .onConflictDoUpdate({ target: [budget.scope, budget.name], set: limits });
    return tellChange(tx, change, 'budget.set', before);
  });
}

/**
 * Raises the limits that a budget has by an amount in micro-units. The same id a second time raises nothing and answers how the budget stands.
 * Throws BUDGET_NOT_FOUND, and INPUT_INVALID for an id that another extension has or an amount beyond counting.
 */
export async function extendBudgetLimits(
  db: Database,
  { id, amount, ...change }: Change & { id: string; amount: number },
): Promise<Changed> {
  const { name, by } = change;
  return db.transaction(async (tx) => {
    const before = await findBudget(tx, name, { lock: true });
    if (!before)
      throw new PerennialError(
        'BUDGET_NOT_FOUND',
        `There is no budget of ${name.scope} '${name.name}'.`,
      );
    if (Math.max(before.soft ?? 0, before.hard ?? 0) + amount > Number.MAX_SAFE_INTEGER)
      throw new PerennialError('INPUT_INVALID', 'amount: with it the limit is beyond counting.');
    const kept = await tx
      .insert(budgetExtension)
      .values({ id, ...name, amount, extendedBy: by })
      .onConflictDoNothing()
      .returning({ id: budgetExtension.id });
    if (kept.length === 0) {
      await requireSameExtension(tx, { id, ...name, amount, extendedBy: by });
      return { before, after: before };
    }
    await tx
      .update(budget)
      .set({ soft: sql`${budget.soft} + ${amount}`, hard: sql`${budget.hard} + ${amount}` })
      .where(and(eq(budget.scope, name.scope), eq(budget.name, name.name)));
    return tellChange(tx, change, 'budget.extended', before);
  });
}

function mergeLimits(before: BudgetView | null, asked: AskedLimits) {
  const { currency, period = before?.period ?? 'month' } = asked;
  const { soft = before?.soft ?? null, hard = before?.hard ?? null } = asked;
  if (soft === null && hard === null)
    throw new PerennialError('INPUT_INVALID', 'A budget needs a limit: name soft, hard or both.');
  if (soft !== null && hard !== null && soft > hard)
    throw new PerennialError(
      'INPUT_INVALID',
      `The soft limit, ${amountOf(soft)}, must not be above the hard one, ${amountOf(hard)}.`,
    );
  return { period, currency, soft, hard };
}

async function requireSameExtension(
  tx: Transaction,
  asked: typeof budgetExtension.$inferInsert,
): Promise<void> {
  const { id, scope, name, amount, extendedBy } = budgetExtension;
  const same = await tx.$count(
    budgetExtension,
    and(
      eq(id, asked.id),
      eq(scope, asked.scope),
      eq(name, asked.name),
      eq(amount, asked.amount),
      eq(extendedBy, asked.extendedBy),
    ),
  );
  if (same === 0)
    throw new PerennialError(
      'INPUT_INVALID',
      `Another extension has the id '${asked.id}': give each its own.`,
    );
}

/** The chain tells it of the budget, and of each delivery that waits for a higher limit. */
async function tellChange(
  tx: Transaction,
  { name, by, reason }: Change,
  action: 'budget.set' | 'budget.extended',
  before: BudgetView | null,
): Promise<Changed> {
  const after = await findBudget(tx, name);
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
  const raised = (after.hard ?? Infinity) > (before?.hard ?? Infinity);
  for (const { model, delivery, needs } of raised ? await listAwaitedMoney(tx, name) : [])
    await appendAudit(tx, {
      actor: by,
      action: 'training.money-raised',
      subject: `${model}/${delivery}`,
      detail: { ...name, hard: after.hard, needs, reason },
    });
  return { before, after };
}
