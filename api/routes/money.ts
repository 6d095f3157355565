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
import { modelCost } from '../../contracts/cost.js';
import { microsOf } from '../../contracts/money.js';
import { keptPriceBook, priceBook, pricesSet, setPrices } from '../../contracts/price-book.js';
import { listBudgets } from '../../db/money/budget.js';
import { extendBudgetLimits, setBudgetLimits } from '../../db/money/budget-limits.js';
import { readModelCost } from '../../db/money/cost.js';
import { listAwaitedMoney } from '../../db/money/money-wait.js';
import { findModel } from '../../db/model/overview.js';
import { newestPriceBook, setPriceBook } from '../../db/money/price-book.js';
import { answers, body, createRouter, idempotency, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { refuseInput } from '../errors.js';
import { wakeWaiting } from '../wake-waiting.js';

const cost = createRoute({
  method: 'get',
  path: '/models/{model}/cost',
  summary:
    'What a model’s trainings and its answers cost: money, energy, carbon, by delivery and version',
  request: { params: ofModel },
  responses: answers(modelCost, 'Amounts in millionths of the currency'),
});

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

const set = createRoute({
  method: 'put',
  path: '/budgets',
  summary: 'Set the limits of a team, model or delivery',
  request: { body: body(setBudget) },
  responses: answers(
    changedBudget,
    'The budget as it stands now, and the trainings that waited for it',
  ),
});

const extend = createRoute({
  method: 'post',
  path: '/budgets/extend',
  summary: 'Raise the limits that a budget has; the same Idempotency-Key again raises nothing',
  request: { headers: idempotency, body: body(extendBudget) },
  responses: answers(
    changedBudget,
    'The budget as it stands now, and the trainings that waited for it',
  ),
});

const showPrices = createRoute({
  method: 'get',
  path: '/price-book',
  summary: 'The prices that new trainings are counted by',
  responses: answers(
    z.strictObject({ prices: keptPriceBook.nullable() }),
    'Null where there are no prices',
  ),
});

const setPricesRoute = createRoute({
  method: 'put',
  path: '/price-book',
  summary: 'Set new prices; running trainings keep theirs',
  request: { body: body(setPrices) },
  responses: answers(pricesSet, 'The price book; the same one again changes nothing'),
});

/** Prices, budgets and what was spent. */
export function createMoneyRoutes(dependencies: ApiDependencies) {
  const { db } = dependencies;
  return createRouter()
    .openapi(cost, async (context) => {
      const { model } = context.req.valid('param');
      await findModel(db, model);
      return context.json(await readModelCost(db, model), 200);
    })
    .openapi(list, async (context) => context.json({ budgets: await listBudgets(db) }, 200))
    .openapi(awaited, async (context) => context.json({ awaited: await listAwaitedMoney(db) }, 200))
    .openapi(set, async (context) => {
      const { scope, name, period, currency, soft, hard, by, reason } = context.req.valid('json');
      const limits = { period, currency, soft: orNone(soft), hard: orNone(hard) };
      const stands = await setBudgetLimits(db, { name: { scope, name }, limits, by, reason });
      return context.json(await wakeWaiting(dependencies, stands, { by, reason }), 200);
    })
    .openapi(extend, async (context) => {
      const { scope, name, amount, by, reason } = context.req.valid('json');
      const id = context.req.valid('header')['idempotency-key'] ?? randomUUID();
      const raise = { id, name: { scope, name }, amount: microsOf(amount), by, reason };
      const stands = await extendBudgetLimits(db, raise);
      return context.json(await wakeWaiting(dependencies, stands, { by, reason }), 200);
    })
    .openapi(showPrices, async (context) =>
      context.json({ prices: await newestPriceBook(db) }, 200),
    )
    .openapi(setPricesRoute, async (context) => {
      const { prices, by } = context.req.valid('json');
      const content = priceBook.safeParse(prices);
      if (!content.success)
        return refuseInput(content.error, { where: 'prices', code: 'PRICE_BOOK_INVALID' });
      return context.json(await setPriceBook(db, { content: content.data, by }), 200);
    });
}

function orNone(text: string | undefined): number | null {
  return text === undefined ? null : microsOf(text);
}
