import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';
import { workflowId } from '../../contracts/messages.js';
import {
  lineage,
  modelDetail,
  modelSummary,
  retired,
  retireRequest,
  type ModelDetail,
  type Retired,
} from '../../contracts/overview.js';
import { findOpenApproval } from '../../db/delivery/approval-view.js';
import { listDeliveries } from '../../db/delivery/view.js';
import { lastDriftReport } from '../../db/drift/report.js';
import { retireModel } from '../../db/model/model.js';
import { findModel, listModels } from '../../db/model/overview.js';
import { listVersionViews, readLineage } from '../../db/model/version-view.js';
import { findLastRelease, findRoute } from '../../db/release/view.js';
import { currentSpec } from '../../db/model/spec.js';
import { answers, body, createRouter, ofModel, ofVersion } from '../answers.js';
import type { ApiDependencies } from '../dependencies.js';
import { withLiveState } from '../live-release.js';
import { sendSignal } from '../workflow-calls.js';

const list = createRoute({
  method: 'get',
  path: '/models',
  summary: 'All models',
  responses: answers(z.strictObject({ models: z.array(modelSummary) }), 'Models by name'),
});

const show = createRoute({
  method: 'get',
  path: '/models/{model}',
  summary: 'One model: route, versions, deliveries, what it waits for',
  request: { params: ofModel },
  responses: answers(modelDetail, 'The model'),
});

const readLineageOf = createRoute({
  method: 'get',
  path: '/models/{model}/versions/{version}/lineage',
  summary: 'Where a version comes from',
  request: { params: ofVersion },
  responses: answers(lineage, 'Spec, snapshot, trainer, parameters, evidence, votes'),
});

const retire = createRoute({
  method: 'post',
  path: '/models/{model}/retire',
  summary:
    'Stop watching a model and start nothing new for it; its champion goes on answering unless asked otherwise',
  request: { params: ofModel, body: body(retireRequest) },
  responses: answers(retired, 'When it was retired'),
});

/** Models and their versions. */
export function createModelRoutes({ db, engine }: ApiDependencies) {
  return createRouter()
    .openapi(list, async (context) => context.json({ models: await listModels(db) }, 200))
    .openapi(show, async (context) =>
      context.json(await readModelDetail({ db, engine }, context.req.valid('param').model), 200),
    )
    .openapi(readLineageOf, async (context) => {
      const { model, version } = context.req.valid('param');
      await findModel(db, model);
      return context.json(await readLineage(db, model, version), 200);
    })
    .openapi(retire, async (context) => {
      const { model } = context.req.valid('param');
      const { by, reason, offAir } = context.req.valid('json');
      const { delivery, champion } = await findModel(db, model);
      if (delivery && delivery.outcome === null)
        throw new PerennialError(
          'DELIVERY_IN_PROGRESS',
          `Delivery ${delivery.number} of '${model}' is in stage '${delivery.stage}'; cancel it before retiring the model.`,
        );
      const { retiredAt, offAirAt } = await retireModel(db, { name: model, by, reason, offAir });
      const monitorStopped = await sendSignal(engine, workflowId.monitor(model), 'retire', {
        by,
        reason,
      });
      const answer: Retired = {
        model,
        retiredAt: retiredAt.toISOString(),
        monitorStopped,
        answering: offAirAt === null ? champion : null,
        offAirAt: offAirAt?.toISOString() ?? null,
      };
      return context.json(answer, 200);
    });
}

async function readModelDetail(
  { db, engine }: Pick<ApiDependencies, 'db' | 'engine'>,
  model: string,
): Promise<ModelDetail> {
  const summary = await findModel(db, model);
  const description = summary.specDigest ? (await currentSpec(db, model)).spec.description : '';
  const release = await findLastRelease(db, model);
  return {
    ...summary,
    description,
    route: await findRoute(db, model),
    approval: await findOpenApproval(db, model),
    release: release && (await withLiveState(engine, release)),
    lastReport: await lastDriftReport(db, model),
    recentDeliveries: await listDeliveries(db, model, { limit: 10 }),
    recentVersions: await listVersionViews(db, model, 10),
  };
}
