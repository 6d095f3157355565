import { sql } from 'drizzle-orm';
import { z } from 'zod';
import {
  awaitedMoney,
  extendCommand,
  raiseFor,
  reach,
  roomOf,
  tightestOf,
  type AwaitedMoney,
  type BudgetName,
  type BudgetView,
  type Enough,
} from '../../contracts/budget.js';
import type { TrainingAttempt } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import { budgetsOver } from './budget.js';
import type { Database, Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { addToOutbox } from '../outbox.js';
import { moneyWait } from '../schema/money.js';

export interface MoneyWait {
  /** The attempt that only money ended. */
  attempt: TrainingAttempt;
  team: string;
  /** Who is told. */
  to: string;
  until: Date;
  /** Micro-units that a next attempt needs to begin. */
  needs: number;
  enough: Enough;
  /** The budget that has not as much left. */
  budget: BudgetView;
}

/** Records that a delivery waits for money and tells its owner, by outbox and audit chain. A second run finds the record and tells nobody. */
export async function openMoneyWait(
  db: Database,
  { attempt: { key, ...attempt }, team, to, until, needs, enough, budget }: MoneyWait,
): Promise<void> {
  await db.transaction(async (tx) => {
    const opened = await tx
      .insert(moneyWait)
      .values({ key, team, needs, enough: enough.amount, reach: enough.reach, until })
      .onConflictDoNothing()
      .returning({ key: moneyWait.key });
    if (opened.length === 0) return;
    const subject = `${attempt.model}/${attempt.delivery}`;
    const missing = needs - roomOf(budget);
    const raise = raiseFor(budget, enough);
    const told = { ...attempt, ...budget, needs, missing, raise, until: until.toISOString() };
    await addToOutbox(tx, {
      key: `budget.awaited/${key}`,
      type: 'budget.awaited',
      subject,
      payload: { ...told, to: [to], extend: extendCommand(budget, raise.by) },
    });
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'budget.awaited',
      subject,
      detail: told,
    });
  });
}

const row = z.object({
  model: z.string(),
  delivery: z.int(),
  attempt: z.int(),
  team: z.string(),
  needs: z.number(),
  enough: z.number().nullable(),
  reach: reach.nullable(),
  since: z.coerce.date(),
  until: z.coerce.date(),
});

/** What follows FROM to read the waits that go on, as `w`, with the attempts they began with, as `r`. */
export const waitingForMoney = sql`money_wait w
  JOIN training_run r ON r.key = w.key
  JOIN delivery d ON d.model = r.model AND d.number = r.delivery
  WHERE d.outcome IS NULL AND w.until > now()
    AND NOT EXISTS (SELECT 1 FROM training_run later
      WHERE later.model = r.model AND later.delivery = r.delivery AND later.trial = r.trial AND later.attempt > r.attempt)`;

/** Deliveries whose training waits for money, the longest first; those that one budget bears on, or those of one model, where given. */
export async function listAwaitedMoney(
  db: Executor,
  { scope, name }: Partial<BudgetName> = {},
): Promise<AwaitedMoney[]> {
  const bearing = {
    team: sql`w.team = ${name}`,
    model: sql`r.model = ${name}`,
    delivery: sql`r.model || '/' || r.delivery = ${name}`,
  };
  const found = await readRows(
    db,
    sql`SELECT r.model, r.delivery, r.attempt, w.team, w.needs::float8, w.enough::float8, w.reach, w.since, w.until
      FROM ${waitingForMoney} AND ${scope === undefined ? sql`true` : bearing[scope]}
      ORDER BY w.since`,
  );
  const awaited: AwaitedMoney[] = [];
  for (const each of found.map((every) => row.parse(every))) {
    const { team, enough, reach: far, since, until, ...waiting } = each;
    const budget = tightestOf(await budgetsOver(db, { team, ...waiting }));
    // Nobody limits it any more: it is about to go on.
    if (!budget) continue;
    const missing = Math.max(0, waiting.needs - roomOf(budget));
    const raise =
      enough === null || far === null ? null : raiseFor(budget, { amount: enough, reach: far });
    awaited.push(
      awaitedMoney.parse({
        ...waiting,
        budget,
        missing,
        raise,
        since: since.toISOString(),
        until: until.toISOString(),
        extend: extendCommand(budget, raise?.by ?? missing),
      }),
    );
  }
  return awaited;
}
