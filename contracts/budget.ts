import { z } from 'zod';
import { amount, currency, limits, micros } from './money.js';
import { modelName, principalId } from './names.js';

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

export const setBudget = budgetName
  .extend({
    period: budgetPeriod.default('month'),
    currency,
    soft: amount.optional(),
    hard: amount.optional(),
    by: principalId,
    reason: z.string().max(500).default(''),
  })
  .superRefine(({ soft, hard, ...named }, context) => {
    checkName(named, context);
    for (const issue of limits.safeParse({ soft, hard }).error?.issues ?? [])
      context.addIssue({ code: 'custom', path: ['hard'], message: issue.message });
  });
export type SetBudget = z.input<typeof setBudget>;

/** Raises the limits that a budget has, both by the same amount. */
export const extendBudget = budgetName.extend({
  amount,
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
