import { z } from 'zod';
import { amount, amountOf, currency, micros, microsOf } from './money.js';
import { instant, modelName, principalId } from './names.js';

export const budgetScope = z.enum(['team', 'model', 'delivery']);
export type BudgetScope = z.infer<typeof budgetScope>;

/** Calendar month, UTC, or all the time there is. */
export const budgetPeriod = z.enum(['month', 'total']);
export type BudgetPeriod = z.infer<typeof budgetPeriod>;

/** Which budget: of a team or model by its name, of a delivery as `flight-delay/3`. */
export const budgetName = z.strictObject({
  scope: budgetScope,
  name: z.string().min(1).max(120),
});
export type BudgetName = z.infer<typeof budgetName>;

const deliveryName = /^[a-z][a-z0-9-]{0,47}\/[1-9]\d*$/;

/** A name that no training could ever count to is a mistake. */
function checkName({ scope, name }: BudgetName, context: z.RefinementCtx): void {
  const fits = {
    team: true,
    model: modelName.safeParse(name).success,
    delivery: deliveryName.test(name),
  };
  if (fits[scope]) return;
  const form = scope === 'model' ? 'the name of a model' : 'a delivery such as flight-delay/3';
  context.addIssue({ code: 'custom', path: ['name'], message: `'${name}' is not ${form}` });
}

/** What is left out stays as it is; of a new budget it is no limit, and the month. Null takes a limit away. */
export const setBudget = budgetName
  .extend({
    period: budgetPeriod.optional(),
    currency,
    soft: amount.nullable().optional(),
    hard: amount.nullable().optional(),
    by: principalId,
    reason: z.string().max(500).default(''),
  })
  .superRefine(({ soft, hard, period, ...named }, context) => {
    checkName(named, context);
    if (soft === undefined && hard === undefined && period === undefined)
      context.addIssue({ code: 'custom', path: ['hard'], message: 'name soft, hard or period' });
  });
export type SetBudget = z.input<typeof setBudget>;

/** Raises the limits that a budget has, both by the same amount. */
export const extendBudget = budgetName.extend({
  amount: amount.refine((text) => microsOf(text) > 0, 'an amount above zero'),
  by: principalId,
  reason: z.string().max(500).default(''),
});
export type ExtendBudget = z.input<typeof extendBudget>;

/** A budget and how it stands in its period; micro-units of the currency. */
export const budgetView = budgetName.extend({
  period: budgetPeriod,
  currency: z.string(),
  soft: micros.nullable(),
  hard: micros.nullable(),
  spent: micros,
  /** Held for trainings that run. */
  reserved: micros,
});
export type BudgetView = z.infer<typeof budgetView>;

/** Micro-units that a budget leaves below its hard limit: Infinity without one, less than none where it is overdrawn. */
export function roomOf({ hard, spent, reserved }: BudgetView): number {
  return hard === null ? Infinity : hard - spent - reserved;
}

/** The budget that leaves the least room; undefined where there is none. */
export function tightestOf(standings: BudgetView[]): BudgetView | undefined {
  return standings.toSorted((one, other) => roomOf(one) - roomOf(other))[0];
}

/** How far a raise takes a training: to its likely end, or for about an hour where nobody knows when that is. */
export const reach = z.enum(['end', 'hour']);
export type Reach = z.infer<typeof reach>;

/** Micro-units that serve a training: with less it may begin, but soon asks again. */
export interface Enough {
  amount: number;
  reach: Reach;
}

/** The raise that serves. */
export const raise = z.strictObject({ by: micros, reach });
export type Raise = z.infer<typeof raise>;

/** By how much a budget has to be raised to have enough: rounded up to two digits, in hundredths or more, as people would give it. */
export function raiseFor(budget: BudgetView, { amount: enough, reach: far }: Enough): Raise {
  const missing = Math.max(enough - roomOf(budget), 10_000);
  const step = Math.max(10_000, 10 ** (Math.floor(Math.log10(missing)) - 1));
  return { by: Math.ceil(missing / step) * step, reach: far };
}

/** `37.00 EUR runs it for about an hour`. */
export function raiseSentence({ by, reach: far }: Raise, code: string): string {
  const until = { end: 'to its likely end', hour: 'for about an hour' }[far];
  return `${amountOf(by)} ${code} runs it ${until}`;
}

/** The command that raises a budget by so much, rounded up to hundredths, which people can read. */
export function extendCommand({ scope, name }: BudgetName, missing: number): string {
  const by = Math.max(1, Math.ceil(missing / 10_000)) * 10_000;
  return `perennial budget extend ${scope} ${quoted(name)} --by ${amountOf(by)}`;
}

/** As a shell takes it for one word: a team may have any name. */
function quoted(word: string): string {
  return /^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A delivery whose training waits for somebody to raise a budget. Amounts in millionths of the currency. */
export const awaitedMoney = z.strictObject({
  model: modelName,
  delivery: z.int().positive(),
  /** The attempt that was stopped, or never began. */
  attempt: z.int().positive(),
  /** The budget that lacks most, as it stands now. */
  budget: budgetView,
  /** What must be left in it for the training to go on, and how much of that it lacks: none where the training is about to go on. */
  needs: micros,
  missing: micros,
  /** What serves; null where the wait began before that was kept. */
  raise: raise.nullable(),
  since: instant,
  until: instant,
  /** The line that raises it by that much, or else by what is missing. */
  extend: z.string(),
});
export type AwaitedMoney = z.infer<typeof awaitedMoney>;

/** A budget after a person changed it, what it was before (null: there was none), and the deliveries that waited for it: those that go on, and those that still lack some. */
export const changedBudget = budgetView.extend({
  before: budgetView.pick({ period: true, soft: true, hard: true }).nullable(),
  resumed: z.array(z.strictObject({ model: modelName, delivery: z.int().positive() })),
  waiting: z.array(awaitedMoney),
});
export type ChangedBudget = z.infer<typeof changedBudget>;
