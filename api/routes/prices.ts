import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { keptPriceBook, priceBook, pricesSet, setPrices } from '../../contracts/price-book.js';
import { newestPriceBook, setPriceBook } from '../../db/money/price-book.js';
import { answers, body, createRouter } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { refuseInput } from '../errors.js';

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

/** The price book. */
export function createPricesRoutes({ db }: ApiDependencies) {
  return createRouter()
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
