import type { BudgetView } from '../../contracts/budget.js';
import {
  extendCommand,
  raiseFor,
  raiseSentence,
  roomOf,
  type Enough,
} from '../../contracts/budget.js';
import { milliseconds } from '../../contracts/duration.js';
import { amountOf, microsOf } from '../../contracts/money.js';
import type { AskForMoneyInput, LackingMoney, MoneyStanding } from '../../contracts/money-wait.js';
import type { RegisteredSpec } from '../../contracts/spec.js';
import type { TrainingAttempt } from '../../contracts/stages.js';
import { budgetsOver, tellExceeded, type Payer } from '../../db/money/budget.js';
import type { Database } from '../../db/connect.js';
import { reserveMoney } from '../../db/money/ledger.js';
import { openMoneyWait } from '../../db/money/money-wait.js';
import { readPace } from '../../db/money/pace.js';
import { newestPriceBook, requireCurrency } from '../../db/money/price-book.js';
import { loadSpec } from '../../db/model/spec.js';
import { rateOf } from '../../governance/price.js';
import {
  decideReservation,
  estimateEnough,
  estimateTraining,
  exceededSentence,
} from '../../governance/reservation.js';

/** Money for trainings, before they have a job: holds it, or asks people for it. */
export function createReservations({
  db,
  ahead,
}: {
  db: Database;
  /** Milliseconds that a training must be able to pay for to be worth starting. */
  ahead: number;
}) {
  /**
   * Holds money for an attempt before its dispatch; a sentence where a budget has too little. Throws PRICE_BOOK_INVALID and
   * CURRENCY_DIFFERS. A second run finds the attempt's account.
   */
  async function reserve(
    attempt: TrainingAttempt,
    registered: RegisteredSpec,
  ): Promise<string | null> {
    const { key } = attempt;
    const asked = await askedFor(attempt, registered);
    if (!asked) return null;
    const { estimate, enough, ...reservation } = asked;
    const { refused } = await reserveMoney(db, {
      key,
      ...reservation,
      limits: deliveryLimits(registered.spec),
      decide: (standings) => decideReservation(estimate, standings),
    });
    if (!refused) return null;
    const reason = exceededSentence(refused, { needs: estimate.least, enough });
    await tellExceeded(db, { key, budget: refused, reason });
    return reason;
  }

  /**
   * Asks people for the money that an attempt ended for want of, and answers how that stands now; asks nobody where it is there, or where
   * nobody would wait for it (no `until`). A second run asks nobody again: it only looks. Throws PRICE_BOOK_INVALID and CURRENCY_DIFFERS.
   */
  async function askForMoney(input: AskForMoneyInput): Promise<MoneyStanding> {
    const { model, delivery, attempt, key, until } = input;
    const registered = await loadSpec(db, input.specDigest);
    const asked = await askedFor(input, registered);
    if (!asked) return { covered: true };
    const { payer, estimate, enough } = asked;
    const decided = decideReservation(estimate, await budgetsOver(db, payer));
    if (!('refused' in decided)) return { covered: true };
    const budget = decided.refused;
    const needs = estimate.least;
    if (until !== undefined)
      await openMoneyWait(db, {
        attempt: { model, delivery, attempt, key },
        team: payer.team,
        to: registered.spec.owner,
        until: new Date(until),
        needs,
        enough,
        budget,
      });
    return { covered: false, ...wordsFor(budget, { needs, enough }) };
  }

  /** What an attempt begun now would cost and count to; null without prices. */
  async function askedFor(attempt: TrainingAttempt, { spec }: RegisteredSpec) {
    const { model, delivery } = attempt;
    const prices = await newestPriceBook(db);
    if (!prices) return null;
    if (spec.budget) requireCurrency(spec.budget.currency, prices);
    const { resources, replicas = 1, timeout } = spec.training;
    const rate = rateOf(prices.content, { resources, replicas });
    const pace = await readPace(db, attempt);
    const given = { ...pace, timeout: milliseconds(timeout), least: ahead };
    const payer: Payer = { team: spec.team, model, delivery };
    return {
      payer,
      priceBook: prices.number,
      rate,
      estimate: estimateTraining(rate, given),
      enough: estimateEnough(rate, given),
    };
  }
  return { reserve, askForMoney };
}

function wordsFor(
  budget: BudgetView,
  { needs, enough }: { needs: number; enough: Enough },
): LackingMoney {
  const { scope, name, period, currency, hard, spent, reserved } = budget;
  const money = (micros: number) => `${amountOf(micros)} ${currency}`;
  const raise = raiseFor(budget, enough);
  return {
    budget: `${scope} ${name} (${period})`,
    limit: money(hard ?? 0),
    spent: money(spent),
    held: money(reserved),
    needs: money(needs),
    missing: money(needs - roomOf(budget)),
    serves: raiseSentence(raise, currency),
    extend: extendCommand(budget, raise.by),
  };
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
