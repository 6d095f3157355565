import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { driftReport } from '../../contracts/drift.js';
import { listDriftReports } from '../../db/drift/report.js';
import { countRetrainings } from '../../db/drift/retraining.js';
import { findModel } from '../../db/model/overview.js';
import { answers, createRouter, limit, ofModel } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';

const list = createRoute({
  method: 'get',
  path: '/models/{model}/drift',
  summary: 'What the monitor found, the newest check first',
  request: { params: ofModel, query: z.object({ limit: limit(500, 20) }) },
  responses: answers(
    z.strictObject({
      reports: z.array(driftReport),
      /** Retrainings that the monitor has ever asked for. */
      retrainings: z.int().nonnegative(),
    }),
    'Drift reports with their decisions',
  ),
});

/** What the monitor found. */
export function createDriftRoutes({ db }: ApiDependencies) {
  return createRouter().openapi(list, async (context) => {
    const { model } = context.req.valid('param');
    await findModel(db, model);
    const reports = await listDriftReports(db, model, context.req.valid('query').limit);
    return context.json({ reports, retrainings: await countRetrainings(db, model) }, 200);
  });
}
