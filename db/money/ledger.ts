import { and, eq, lt, isNull, sql } from 'drizzle-orm';
import type { HourlyRate } from '../../contracts/price-book.js';
import { appendAudit } from '../audit.js';
import { budgetsOver, ensureDeliveryBudget, type Limits, type Payer } from './budget.js';
import type { BudgetView } from '../../contracts/budget.js';
import type { Database, Executor, Transaction } from '../connect.js';
import { ledger, trainingAccount } from '../schema/money.js';
import { trainingRun } from '../schema/training.js';

export type TrainingAccount = typeof trainingAccount.$inferSelect;

/** SQLSTATEs of the ledger's trigger: the row does not follow the last one, and a budget has no room. */
const notNext = '40001';
const noRoom = '23514';

/** An attempt's account; null where its training is not counted. */
export async function findAccount(db: Executor, key: string): Promise<TrainingAccount | null> {
  const [row] = await db.select().from(trainingAccount).where(eq(trainingAccount.key, key));
  return row ?? null;
}

/** Milliseconds counted before an instant: of a job that was lost and started anew, what its earlier lives took. */
export async function countedBefore(db: Executor, key: string, instant: Date): Promise<number> {
  const [row] = await db
    .select({ counted: sql<number>`coalesce(sum(${ledger.milliseconds}), 0)::float8` })
    .from(ledger)
    .where(and(eq(ledger.key, key), lt(ledger.at, instant)));
  return row?.counted ?? 0;
}

export interface Reservation {
  key: string;
  payer: Payer;
  priceBook: number;
  rate: HourlyRate;
  /** The spec's own limits for one delivery. */
  limits: (Limits & { currency: string }) | null;
  /** Micro-units to hold, given how the budgets stand; `refused` names the one without room. */
  decide: (standings: BudgetView[]) => { amount: number; basis: string } | { refused: BudgetView };
}

/**
 * Opens an attempt's account and holds money for it, or tells which budget has no room, and then nothing has changed. A second run finds
 * the account. Reservations on the same budgets wait for each other.
 */
export async function reserveMoney(
  db: Database,
  { key, payer, priceBook, rate, limits, decide }: Reservation,
): Promise<{ refused: BudgetView | null }> {
  return db.transaction(async (tx) => {
    if (await findAccount(tx, key)) return { refused: null };
    await releaseAbandoned(tx, payer.team);
    if (limits) await ensureDeliveryBudget(tx, payer, limits);
    const decided = decide(await budgetsOver(tx, payer, { lock: true }));
    if ('refused' in decided) return decided;
    const { amount, basis } = decided;
    const opened = await tx
      .insert(trainingAccount)
      .values({ key, ...payer, priceBook, rate })
      .onConflictDoNothing()
      .returning({ key: trainingAccount.key });
    if (opened.length === 0) return { refused: null };
    await tx.insert(ledger).values({ key, sequence: 1, kind: 'reservation', amount });
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'budget.reserved',
      subject: `${payer.model}/${payer.delivery}`,
      detail: { key, amount, basis, priceBook },
    });
    return { refused: null };
  });
}

/** What an ended delivery still held: a worker that died before the settlement left it. */
async function releaseAbandoned(tx: Transaction, team: string): Promise<void> {
  const abandoned = await tx
    .select({ account: trainingAccount })
    .from(trainingAccount)
    .innerJoin(trainingRun, eq(trainingRun.key, trainingAccount.key))
    .where(
      and(
        eq(trainingAccount.team, team),
        isNull(trainingAccount.settledAt),
        sql`EXISTS (SELECT 1 FROM delivery d WHERE d.model = ${trainingAccount.model}
          AND d.number = ${trainingAccount.delivery} AND d.closed_at < now() - interval '1 minute')`,
      ),
    )
    .orderBy(trainingAccount.key)
    .for('update', { of: trainingAccount, skipLocked: true });
  for (const { account } of abandoned) await tx.insert(ledger).values(settlementOf(account));
}

/** Usage of a training as its next row. False where somebody else has reckoned it in the meantime, and nothing has changed. */
export function postUsage(
  db: Executor,
  { key, sequence }: TrainingAccount,
  usage: {
    amount: number;
    milliseconds: number;
    remainder: number;
    millijoules: number;
    micrograms: number;
  },
): Promise<boolean> {
  return posted(db.insert(ledger).values({ key, sequence: sequence + 1, kind: 'usage', ...usage }));
}

/** Holds more for a training that runs. False where a budget has no room for it, and nothing has changed. */
export async function reserveMore(
  db: Executor,
  { key, sequence }: TrainingAccount,
  amount: number,
): Promise<boolean> {
  const row = { key, sequence: sequence + 1, kind: 'reservation' as const, amount };
  try {
    await posted(db.insert(ledger).values(row));
    return true;
  } catch (error) {
    if (stateOf(error) === noRoom) return false;
    throw error;
  }
}

/** Releases what is still held; an account that is settled already stays so. */
export async function settleAccount(db: Executor, account: TrainingAccount): Promise<void> {
  if (account.settledAt === null) await posted(db.insert(ledger).values(settlementOf(account)));
}

function settlementOf({ key, sequence, reserved }: TrainingAccount): typeof ledger.$inferInsert {
  return { key, sequence: sequence + 1, kind: 'settlement', amount: reserved };
}

async function posted(row: PromiseLike<unknown>): Promise<boolean> {
  try {
    await row;
    return true;
  } catch (error) {
    if (stateOf(error) === notNext) return false;
    throw error;
  }
}

function stateOf(error: unknown): unknown {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : undefined;
  return (cause as { code?: unknown } | undefined)?.code;
}
