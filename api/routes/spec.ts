import { createRoute } from '@hono/zod-openapi';
import { dataContract } from '../../contracts/contract.js';
import { appliedSpec, applySpec } from '../../contracts/overview.js';
import { writtenSpec } from '../../contracts/spec.js';
import { newestPriceBook, requireCurrency } from '../../db/money/price-book.js';
import { registerSpec } from '../../db/model/spec.js';
import { checkExpression } from '../../governance/policy.js';
import { answers, body, createRouter } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { refuseInput } from '../errors.js';
import { watchAgain } from '../watch-again.js';

const apply = createRoute({
  method: 'post',
  path: '/specs',
  summary: 'Register a spec and make it the current one of its model',
  request: { body: body(applySpec) },
  responses: answers(appliedSpec, 'The digest of the spec; the same spec again changes nothing'),
});

/** Specs, content-addressed. */
export function createSpecRoutes({ db, engine, log, pinImage }: ApiDependencies) {
  return createRouter().openapi(apply, async (context) => {
    const { base, by, ...sent } = context.req.valid('json');
    const spec = writtenSpec.safeParse(sent.spec);
    if (!spec.success) return refuseInput(spec.error, { where: 'spec', code: 'SPEC_INVALID' });
    const contract = dataContract.safeParse(sent.contract);
    if (!contract.success)
      return refuseInput(contract.error, { where: 'contract', code: 'CONTRACT_INVALID' });
    const { automaticWhen } = spec.data.approval;
    if (automaticWhen !== undefined) checkExpression(automaticWhen);
    const prices = await newestPriceBook(db);
    if (spec.data.budget && prices) requireCurrency(spec.data.budget.currency, prices);
    const { image } = spec.data.training;
    if (image !== undefined && pinImage) spec.data.training.image = await pinImage(image);
    const content = { spec: spec.data, contract: contract.data, base };
    const registered = await registerSpec(db, { content, by });
    if (registered.backInService) await watchAgain({ db, engine, log }, spec.data.model);
    return context.json({ model: spec.data.model, ...registered }, 200);
  });
}
