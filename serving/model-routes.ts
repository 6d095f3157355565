import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PerennialError } from '../contracts/errors.js';
import { labelsRequest, type InferAnswer } from '../contracts/serving.js';
import type { Database } from '../db/connect.js';
import { storeLabels } from '../db/serving/label.js';
import type { Clock } from '../runtime/clock.js';
import { jsonReply, readJsonBody, type Reply } from './http-exchange.js';
import { readEnvelope, readInputs } from './infer-request.js';
import type { GatewayMetrics } from './metrics.js';
import type { LoadedModel, ModelCache } from './model-cache.js';
import type { Predictor } from './predict.js';
import { armOf, type ActiveRoute, type RouteSplit } from './route-split.js';

export interface ModelRoutes {
  describeModel(model: string, version?: string): Promise<Reply>;
  modelReady(model: string, version?: string): Promise<Reply>;
  infer(request: IncomingMessage, model: string, version?: string): Promise<Reply>;
  storeLabels(request: IncomingMessage, model: string): Promise<Reply>;
}

/** What the gateway does under /v2/models/{model}. */
export function createModelRoutes({
  db,
  routes,
  cache,
  predictor,
  metrics,
  clock,
  maximumBodyBytes,
}: {
  db: Database;
  routes: RouteSplit;
  cache: ModelCache;
  predictor: Predictor;
  metrics: GatewayMetrics;
  clock: Clock;
  maximumBodyBytes: number;
}): ModelRoutes {
  const routeOf = (model: string): ActiveRoute => {
    const route = routes.routeOf(model);
    // The wording that clients of the protocol look for.
    if (!route)
      throw new PerennialError(
        'MODEL_NOT_FOUND',
        `Request for unknown model: '${model}' is not found`,
      );
    return route;
  };

  const pinned = async (model: string, version: string): Promise<LoadedModel> => {
    const unknown = (): PerennialError =>
      new PerennialError(
        'VERSION_NOT_FOUND',
        `Request for unknown model: '${model}' version ${version.slice(0, 20)} is not found`,
      );
    if (!/^[1-9]\d{0,8}$/.test(version)) throw unknown();
    try {
      return await cache.load(model, Number(version));
    } catch (error) {
      if (error instanceof PerennialError && error.code === 'VERSION_NOT_FOUND') throw unknown();
      throw error;
    }
  };

  return {
    async describeModel(model, version) {
      const route = routeOf(model);
      const loaded = version === undefined ? anyOf(route) : await pinned(model, version);
      const served = new Set(route.arms.map((arm) => String(arm.loaded.version)));
      return jsonReply({
        name: model,
        versions: version === undefined ? [...served] : [version],
        platform: 'onnx_onnxv1',
        inputs: loaded.onnx.inputs,
        outputs: loaded.onnx.outputs,
      });
    },

    async modelReady(model, version) {
      routeOf(model);
      if (version !== undefined) await pinned(model, version);
      return jsonReply({ name: model, ready: true });
    },

    async infer(request, model, version) {
      const route = routeOf(model);
      const named = version === undefined ? undefined : await pinned(model, version);
      const body = await readJsonBody(request, maximumBodyBytes);
      const startedAt = performance.now();
      const receivedAt = clock.now().getTime();
      const envelope = readEnvelope(body);
      const id = envelope.id ?? randomUUID();
      const entity = envelope.entity ?? id;
      const arm = named
        ? { loaded: named, role: 'direct' as const }
        : (armOf(route, entity) ?? { loaded: anyOf(route), role: 'direct' as const });
      const { rows, columns } = readInputs(envelope.inputs, arm.loaded.onnx.inputs);
      const scores = await predictor.predict({
        loaded: arm.loaded,
        role: arm.role,
        revision: route.revision,
        windowMilliseconds: route.windowMilliseconds,
        id,
        entity,
        eventTime: envelope.eventTime ?? receivedAt,
        receivedAt,
        startedAt,
        rows,
        columns,
      });
      const answer: InferAnswer = {
        model_name: model,
        model_version: String(arm.loaded.version),
        id,
        parameters: { role: arm.role, revision: route.revision },
        outputs: [{ name: 'probability', datatype: 'FP32', shape: [rows, 1], data: scores }],
      };
      return jsonReply(answer);
    },

    async storeLabels(request, model) {
      routeOf(model);
      const body = labelsRequest.safeParse(await readJsonBody(request, maximumBodyBytes));
      if (!body.success) {
        const [issue] = body.error.issues;
        const where = issue?.path.join('.') || 'the body';
        throw new PerennialError('REQUEST_SHAPE', `Labels: ${where}: ${issue?.message}.`);
      }
      if (body.data.labels.some(({ id }) => id.includes('\0')))
        throw new PerennialError('REQUEST_SHAPE', 'Labels: an id contains a NUL.');
      const answer = await storeLabels(db, model, body.data).catch((error: unknown) => {
        throw new PerennialError(
          'DATABASE_UNAVAILABLE',
          'The labels could not be stored.',
          {},
          {
            cause: error,
          },
        );
      });
      metrics.labels.inc({ model, outcome: 'stored' }, answer.stored);
      metrics.labels.inc({ model, outcome: 'duplicate' }, answer.duplicates);
      return jsonReply(answer);
    },
  };
}

function anyOf(route: ActiveRoute): LoadedModel {
  const arm = route.arms.find(({ role }) => role === 'champion') ?? route.arms[0];
  if (!arm) throw new PerennialError('INTERNAL', `The route of '${route.model}' has no arms.`);
  return arm.loaded;
}
