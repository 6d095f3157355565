import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { deliveryView, startDelivery, startedDelivery } from '../../contracts/delivery.js';
import { deliveryDetail } from '../../contracts/overview.js';
import { listDeliveries, readDeliveryDetail } from '../../db/delivery/view.js';
import { findModel } from '../../db/model/overview.js';
import { answers, body, createRouter, limit, ofDelivery, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { findFailing } from '../failing-activity.js';
import { startDelivery as start } from '../start-delivery.js';

const list = createRoute({
  method: 'get',
  path: '/models/{model}/deliveries',
  summary: 'Deliveries of a model, the newest first',
  request: {
    params: ofModel,
    query: z.object({
      limit: limit(200, 20),
      /** First run id of the workflow: what starting it answered. */
      runId: z.string().max(64).optional(),
    }),
  },
  responses: answers(z.strictObject({ deliveries: z.array(deliveryView) }), 'Deliveries'),
});

const show = createRoute({
  method: 'get',
  path: '/models/{model}/deliveries/{number}',
  summary: 'One delivery with checks, gates, approval and release',
  request: { params: ofDelivery },
  responses: answers(deliveryDetail, 'The delivery'),
});

const begin = createRoute({
  method: 'post',
  path: '/models/{model}/deliveries',
  summary: 'Start a delivery, or join, refuse or supersede the running one',
  request: { params: ofModel, body: body(startDelivery.omit({ model: true })) },
  responses: answers(startedDelivery, 'The workflow that delivers'),
});

/** Deliveries: start them, follow them. */
export function createDeliveryRoutes({ db, engine }: ApiDependencies) {
  return createRouter()
    .openapi(list, async (context) => {
      const { model } = context.req.valid('param');
      await findModel(db, model);
      const deliveries = await listDeliveries(db, model, context.req.valid('query'));
      return context.json({ deliveries }, 200);
    })
    .openapi(show, async (context) => {
      const { model, number } = context.req.valid('param');
      const detail = await readDeliveryDetail(db, model, number);
      const failing = await findFailing(engine, detail.delivery);
      return context.json({ ...detail, ...(failing && { failing }) }, 200);
    })
    .openapi(begin, async (context) => {
      const { model } = context.req.valid('param');
      const request = { ...context.req.valid('json'), model };
      return context.json(await start({ db, engine }, request), 200);
    });
}
