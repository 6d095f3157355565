import type { BudgetView } from '../contracts/budget.js';
import { milliseconds } from '../contracts/duration.js';
import { microsOf } from '../contracts/money.js';
import type { RegisteredSpec } from '../contracts/spec.js';
import type { TrainingAttempt } from '../contracts/stages.js';
import { budgetsOver, tellSoftLimit } from '../db/budget.js';
import type { Database } from '../db/connect.js';
import {
  findAccount,
  lastTrainingSeconds,
  postUsage,
  reserveMoney,
  reserveMore,
  settleAccount,
  type TrainingAccount,
} from '../db/ledger.js';
import { newestPriceBook, requireCurrency } from '../db/price-book.js';
import { estimateCost, meterUsage, rateOf } from '../governance/price.js';
import {
  decideReservation,
  estimateTraining,
  exceededSentence,
} from '../governance/reservation.js';
import type { Clock } from '../runtime/clock.js';

/** Counts what trainings cost, and says when one may not go on. Without a price book it counts nothing and stops nobody. */
export interface TrainingMeter {
  /** Holds money before the dispatch; a sentence where a budget has too little. */
  reserve(attempt: TrainingAttempt, registered: RegisteredSpec): Promise<string | null>;
  /** A look at the job's own clock, in milliseconds since it started; a sentence where it must stop now. */
  charge(key: string, elapsed: number): Promise<string | null>;
  /** Counts to the job's last millisecond and releases what is still held. */
  settle(key: string, elapsed: number | null): Promise<void>;
}

export function createTrainingMeter({
  db,
  clock,
  every,
  grace,
}: {
  db: Database;
  clock: Clock;
  /** Milliseconds between two reckonings: no more than this is ever spent above a hard limit while a worker looks on. */
  every: number;
  /** Milliseconds that a trainer gets to write its checkpoint; they are held in advance. */
  grace: number;
}): TrainingMeter {
  const lastCharge = new Map<string, number>();

  /** Throws PRICE_BOOK_INVALID, CURRENCY_DIFFERS. A second run finds the attempt's account. */
  async function reserve(
    { model, delivery, key }: TrainingAttempt,
    { spec }: RegisteredSpec,
  ): Promise<string | null> {
    const prices = await newestPriceBook(db);
    if (!prices) return null;
    if (spec.budget) requireCurrency(spec.budget.currency, prices);
    const { resources, replicas = 1, timeout } = spec.training;
    const rate = rateOf(prices.content, { resources, replicas });
    const estimate = estimateTraining(rate, {
      lastSeconds: await lastTrainingSeconds(db, model),
      timeout: milliseconds(timeout),
      least: every + grace,
    });
    const { refused } = await reserveMoney(db, {
      key,
      payer: { team: spec.team, model, delivery },
      priceBook: prices.number,
      rate,
      limits: deliveryLimits(spec),
      decide: (standings) => decideReservation(estimate, standings),
    });
    return refused && exceededSentence(refused, { model, needs: estimate.least });
  }

  /** The job's clock is what is counted, up to where it stands: a second look at the same time finds nothing to count. */
  async function charge(key: string, elapsed: number): Promise<string | null> {
    const now = clock.now().getTime();
    if (now - (lastCharge.get(key) ?? -Infinity) < every) return null;
    lastCharge.set(key, now);
    const account = await countUpTo(key, elapsed);
    if (!account || account.settledAt) return null;
    const standings = await budgetsOver(db, account);
    for (const each of standings)
      if (each.soft !== null && each.spent >= each.soft) await tellSoftLimit(db, each);
    return mustStop(account, standings);
  }

  /** It must be able to pay until the next reckoning, and for the grace after that. */
  async function mustStop(
    account: TrainingAccount,
    standings: BudgetView[],
  ): Promise<string | null> {
    const ahead = estimateCost(account.rate, every + grace);
    const more = ahead - account.reserved;
    const passed =
      standings.find(({ hard, spent }) => hard !== null && spent + ahead > hard) ??
      (more > 0 && !(await reserveMore(db, account, more)) ? tightest(standings) : undefined);
    if (!passed) return null;
    const ran = { seconds: account.milliseconds / 1_000, spent: account.spent };
    return exceededSentence(passed, { model: account.model, needs: ahead, ran });
  }

  async function countUpTo(key: string, elapsed: number): Promise<TrainingAccount | null> {
    const account = await findAccount(db, key);
    const since = Math.round(elapsed) - (account?.milliseconds ?? 0);
    if (!account || account.settledAt || since <= 0) return account;
    const { rate, remainder } = account;
    const until = clock.now();
    await postUsage(db, account, meterUsage(rate, { milliseconds: since, until, remainder }));
    // Not posted means that another supervisor has just counted the same: its row stands.
    return findAccount(db, key);
  }

  /** A second run finds the account settled. */
  async function settle(key: string, elapsed: number | null): Promise<void> {
    lastCharge.delete(key);
    for (;;) {
      const account = elapsed === null ? await findAccount(db, key) : await countUpTo(key, elapsed);
      if (!account || account.settledAt) return;
      await settleAccount(db, account);
    }
  }

  return { reserve, charge, settle };
}

function tightest(standings: BudgetView[]): BudgetView | undefined {
  const left = ({ hard, spent, reserved }: BudgetView) => (hard ?? Infinity) - spent - reserved;
  return standings.toSorted((one, other) => left(one) - left(other))[0];
}

function deliveryLimits({ budget }: RegisteredSpec['spec']) {
  if (!budget) return null;
  const { currency, delivery } = budget;
  return {
    currency,
    soft: delivery.soft === undefined ? null : microsOf(delivery.soft),
    hard: delivery.hard === undefined ? null : microsOf(delivery.hard),
  };
}
