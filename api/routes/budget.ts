import { randomUUID } from 'node:crypto';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  awaitedMoney,
  budgetView,
  changedBudget,
  extendBudget,
  setBudget,
} from '../../contracts/budget.js';
import { microsOf } from '../../contracts/money.js';
import { listBudgets } from '../../db/money/budget.js';
import { extendBudgetLimits, setBudgetLimits } from '../../db/money/budget-limits.js';
import { listAwaitedMoney } from '../../db/money/money-wait.js';
import { answers, body, createRouter, idempotency } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { wakeWaiting } from '../wake-waiting.js';

const list = createRoute({
  method: 'get',
  path: '/budgets',
  summary: 'All budgets and how they stand',
  responses: answers(z.strictObject({ budgets: z.array(budgetView) }), 'Budgets by scope and name'),
});

const awaited = createRoute({
  method: 'get',
  path: '/budgets/awaited',
  summary: 'Trainings that wait for somebody to raise a budget, the longest first',
  responses: answers(
    z.strictObject({ awaited: z.array(awaitedMoney) }),
    'What is awaited, and the line that raises it',
  ),
});

const changedText =
  'The budget as it stands now, what it was before, and the trainings that waited for it';

const set = createRoute({
  method: 'put',
  path: '/budgets',
  summary:
    'Set limits of a team, model or delivery; what is left out stays, null takes a limit away',
  request: { body: body(setBudget) },
  responses: answers(changedBudget, changedText),
});

const extend = createRoute({
  method: 'post',
  path: '/budgets/extend',
  summary: 'Raise the limits that a budget has; the same Idempotency-Key again raises nothing',
  request: { headers: idempotency, body: body(extendBudget) },
  responses: answers(changedBudget, changedText),
});

/** Limits of what trainings may cost, and who waits for them to be raised. */
export function createBudgetRoutes(dependencies: ApiDependencies) {
  const { db } = dependencies;
  return createRouter()
    .openapi(list, async (context) => context.json({ budgets: await listBudgets(db) }, 200))
    .openapi(awaited, async (context) => context.json({ awaited: await listAwaitedMoney(db) }, 200))
    .openapi(set, async (context) => {
      const { scope, name, period, currency, soft, hard, by, reason } = context.req.valid('json');
      const limits = { period, currency, soft: micros(soft), hard: micros(hard) };
      const changed = await setBudgetLimits(db, { name: { scope, name }, limits, by, reason });
      return context.json(await wakeWaiting(dependencies, changed, { by, reason }), 200);
    })
    .openapi(extend, async (context) => {
      const { scope, name, amount, by, reason } = context.req.valid('json');
      const id = context.req.valid('header')['idempotency-key'] ?? randomUUID();
      const raise = { id, name: { scope, name }, amount: microsOf(amount), by, reason };
      const changed = await extendBudgetLimits(db, raise);
      return context.json(await wakeWaiting(dependencies, changed, { by, reason }), 200);
    });
}

function micros(text: string | null | undefined): number | null | undefined {
  return typeof text === 'string' ? microsOf(text) : text;
}
