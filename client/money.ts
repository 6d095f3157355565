import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  awaitedMoney,
  budgetView,
  changedBudget,
  type AwaitedMoney,
  type BudgetView,
  type ChangedBudget,
  type ExtendBudget,
  type SetBudget,
} from '../contracts/budget.js';
import { modelCost, type ModelCost } from '../contracts/cost.js';
import {
  keptPriceBook,
  pricesSet,
  type KeptPriceBook,
  type PricesSet,
  type SetPrices,
} from '../contracts/price-book.js';
import type { Http } from './http.js';
import { readPriceFile } from './price-file.js';

/** Prices, budgets and what training and serving cost. Amounts in answers are millionths of the currency. */
export function createMoneyClient(http: Http) {
  const setPrices = (request: SetPrices): Promise<PricesSet> =>
    http.put('/api/v1/price-book', pricesSet, { body: request });
  return {
    cost: (model: string): Promise<ModelCost> =>
      http.get(`/api/v1/models/${encodeURIComponent(model)}/cost`, modelCost),
    async listBudgets(): Promise<BudgetView[]> {
      const answer = z.strictObject({ budgets: z.array(budgetView) });
      return (await http.get('/api/v1/budgets', answer)).budgets;
    },
    /** Trainings that wait for somebody to raise a budget. */
    async listAwaitedMoney(): Promise<AwaitedMoney[]> {
      const answer = z.strictObject({ awaited: z.array(awaitedMoney) });
      return (await http.get('/api/v1/budgets/awaited', answer)).awaited;
    },
    /** Sets what is named; what is left out stays as it is, and null takes a limit away. */
    setBudget: (request: SetBudget): Promise<ChangedBudget> =>
      http.put('/api/v1/budgets', changedBudget, { body: request }),
    /** Raises a budget's limits. With the same `idempotencyKey` an extension sent twice counts once. */
    extendBudget: ({
      idempotencyKey = randomUUID(),
      ...request
    }: ExtendBudget & { idempotencyKey?: string }): Promise<ChangedBudget> =>
      http.post('/api/v1/budgets/extend', changedBudget, {
        body: request,
        headers: { 'idempotency-key': idempotencyKey },
      }),
    /** The prices that new trainings are counted by; null where there are none. */
    async showPrices(): Promise<KeptPriceBook | null> {
      const answer = z.strictObject({ prices: keptPriceBook.nullable() });
      return (await http.get('/api/v1/price-book', answer)).prices;
    },
    setPrices,
    /** Reads a price book from a YAML file and sets it. */
    async setPricesFile(path: string, { by }: { by: string }): Promise<PricesSet> {
      return setPrices({ prices: await readPriceFile(path), by });
    },
  };
}
