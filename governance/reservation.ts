import {
  extendCommand,
  raiseFor,
  raiseSentence,
  roomOf,
  tightestOf,
  type BudgetView,
  type Enough,
} from '../contracts/budget.js';
import { amountOf } from '../contracts/money.js';
import type { HourlyRate } from '../contracts/price-book.js';
import { estimateCost } from './price.js';

/** The last good training may be outdone by half before more has to be asked for. */
const margin = 1.5;

const hour = 3_600_000;

/** What the likely length of a training is judged by. */
export interface Pace {
  /** Those of the model's last good training; null before the first. */
  lastSeconds: number | null;
  /** Milliseconds that this one has run so far, all its attempts together. */
  ran: number;
}

export interface Estimate {
  /** Micro-units. */
  amount: number;
  /** Less than this is not worth starting for. */
  least: number;
  basis: 'last training' | 'timeout';
}

/** What a training may cost: by the last one's seconds and half as much again, or by its timeout where there was none. */
export function estimateTraining(
  rate: HourlyRate,
  { lastSeconds, timeout, least }: Pick<Pace, 'lastSeconds'> & { timeout: number; least: number },
): Estimate {
  const smallest = estimateCost(rate, least);
  if (lastSeconds === null || lastSeconds * 1_000 * margin >= timeout)
    return { amount: estimateCost(rate, timeout), least: smallest, basis: 'timeout' };
  const amount = Math.max(estimateCost(rate, lastSeconds * 1_000 * margin), smallest);
  return { amount, least: amount, basis: 'last training' };
}

/**
 * What takes a training to its likely end: the last one's time and half as much again. Where there was none, or this one has outrun it
 * already, an hour's worth; never more than the timeout's. `least` milliseconds come on top, for they are held back from running.
 */
export function estimateEnough(
  rate: HourlyRate,
  { lastSeconds, ran, timeout, least }: Pace & { timeout: number; least: number },
): Enough {
  const likely = (lastSeconds ?? 0) * 1_000 * margin;
  const known = likely > Math.min(ran, hour);
  const length = Math.min(known ? likely : hour, timeout);
  return {
    amount: estimateCost(rate, length + least),
    reach: known || length === timeout ? 'end' : 'hour',
  };
}

/** Holds the estimate, or what there is where the estimate is only the timeout's. Refuses where that is too little to start for. */
export function decideReservation(
  { amount, least, basis }: Estimate,
  standings: BudgetView[],
): { amount: number; basis: string } | { refused: BudgetView } {
  const tightest = tightestOf(standings);
  const room = tightest ? roomOf(tightest) : Infinity;
  if (tightest && room < least) return { refused: tightest };
  return { amount: Math.min(amount, room), basis };
}

/** What a person reads who finds a training stopped or never started, with the command that lets it go on. */
export function exceededSentence(
  budget: BudgetView,
  {
    needs,
    enough,
    ran,
  }: { needs: number; enough: Enough; ran?: { seconds: number; spent: number } },
): string {
  const { scope, name, period, currency, hard, spent, reserved } = budget;
  const money = (micros: number) => `${amountOf(micros)} ${currency}`;
  const held = reserved > 0 ? `, ${money(reserved)} more held for running trainings` : '';
  const stands = `the budget of ${scope} ${name} (${period}) has ${money(spent)} of ${money(hard ?? 0)} spent${held}`;
  const said = ran
    ? `The training was stopped after ${ran.seconds.toFixed(0)} s and ${money(ran.spent)}: ${stands}.`
    : `The training needs ${money(needs)} to start, but ${stands}.`;
  const later =
    scope === 'delivery' ? ' For later deliveries raise budget.delivery in model.yaml.' : '';
  const raise = raiseFor(budget, enough);
  return `${said} Raise it: \`${extendCommand(budget, raise.by)}\`; ${raiseSentence(raise, currency)}.${later}`;
}
