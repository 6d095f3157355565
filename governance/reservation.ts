import { extendCommand, roomOf, tightestOf, type BudgetView } from '../contracts/budget.js';
import { amountOf } from '../contracts/money.js';
import type { HourlyRate } from '../contracts/price-book.js';
import { estimateCost } from './price.js';

/** The last good training may be outdone by half before more has to be asked for. */
const margin = 1.5;

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
  { lastSeconds, timeout, least }: { lastSeconds: number | null; timeout: number; least: number },
): Estimate {
  const smallest = estimateCost(rate, least);
  if (lastSeconds === null || lastSeconds * 1_000 * margin >= timeout)
    return { amount: estimateCost(rate, timeout), least: smallest, basis: 'timeout' };
  const amount = Math.max(estimateCost(rate, lastSeconds * 1_000 * margin), smallest);
  return { amount, least: amount, basis: 'last training' };
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
  { needs, ran }: { needs: number; ran?: { seconds: number; spent: number } },
): string {
  const { scope, name, period, currency, hard, spent, reserved } = budget;
  const money = (micros: number) => `${amountOf(micros)} ${currency}`;
  const held = reserved > 0 ? `, ${money(reserved)} more held for running trainings` : '';
  const stands = `the budget of ${scope} ${name} (${period}) has ${money(spent)} of ${money(hard ?? 0)} spent${held}`;
  const said = ran
    ? `The training was stopped after ${ran.seconds.toFixed(0)} s and ${money(ran.spent)}: ${stands}.`
    : `The training needs ${money(needs)} to start, but ${stands}.`;
  const later = scope === 'delivery' ? ', for later deliveries budget.delivery in model.yaml' : '';
  return `${said} Raise it: \`${extendCommand(budget, needs - roomOf(budget))}\`${later}.`;
}
