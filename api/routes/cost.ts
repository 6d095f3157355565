import { createRoute } from '@hono/zod-openapi';
import { modelCost } from '../../contracts/cost.js';
import { findModel } from '../../db/model/overview.js';
import { readModelCost } from '../../db/money/cost.js';
import { answers, createRouter, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';

const cost = createRoute({
  method: 'get',
  path: '/models/{model}/cost',
  summary:
    'What a model’s trainings and its answers cost: money, energy, carbon, by delivery and version',
  request: { params: ofModel },
  responses: answers(modelCost, 'Amounts in millionths of the currency'),
});

/** What a model's trainings and its answers cost. */
export function createCostRoutes({ db }: ApiDependencies) {
  return createRouter().openapi(cost, async (context) => {
    const { model } = context.req.valid('param');
    await findModel(db, model);
    return context.json(await readModelCost(db, model), 200);
  });
}
