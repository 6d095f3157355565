import { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { PerennialError } from '../contracts/errors.js';
import type { ApiDependencies } from './dependencies.js';
import { answerError } from './errors.js';
import { createApprovalRoutes } from './routes/approval.js';
import { createAuditRoutes } from './routes/audit.js';
import { createBudgetRoutes } from './routes/budget.js';
import { createCostRoutes } from './routes/cost.js';
import { createDeliveryRoutes } from './routes/delivery.js';
import { createDriftRoutes } from './routes/drift.js';
import { createModelRoutes } from './routes/model.js';
import { createMonitorRoutes } from './routes/monitor.js';
import { createPricesRoutes } from './routes/prices.js';
import { createReleaseRoutes } from './routes/release.js';
import { createSpecRoutes } from './routes/spec.js';
import { createStatusRoutes } from './routes/status.js';
import { createTrainingRoutes } from './routes/training.js';
import { healthPath, requireToken } from './token.js';
import { traceRequests } from './trace-requests.js';

/** A spec with its contract is some kilobytes; nothing larger has business here. */
const largestBody = 2_000_000;

/** The control API under `/api/v1`, described by itself in `/api/v1/openapi.json`. */
export function createApi(dependencies: ApiDependencies) {
  const app = new OpenAPIHono();
  const { token, metrics, tracing } = dependencies;
  if (tracing) app.use(traceRequests(tracing));
  if (metrics) app.use(metrics.measure);
  if (token !== undefined) app.use(requireToken(token));
  app.use(
    bodyLimit({
      maxSize: largestBody,
      onError: () => {
        throw new PerennialError('BODY_TOO_LARGE', `A body may have ${largestBody} bytes.`);
      },
    }),
  );
  app.use(async (context, next) => {
    requireJson(context.req.method, context.req.header('content-type'));
    await next();
  });
  for (const create of routes) app.route('/api/v1', create(dependencies));
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'Asked for beyond loopback, and wherever PERENNIAL_API_TOKEN_FILE is set.',
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'attempt', {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of one training attempt, which its trainer finds in a file.',
  });
  app.doc31('/api/v1/openapi.json', about);
  app.get(healthPath, (context) => context.json({ live: true }));
  if (metrics)
    app.get('/metrics', async (context) =>
      context.text(await metrics.collect(), 200, { 'content-type': metrics.contentType }),
    );
  app.notFound((context) =>
    answerError(
      context,
      new PerennialError(
        'ROUTE_NOT_FOUND',
        `There is no ${context.req.method} ${context.req.path}.`,
      ),
      dependencies.log,
    ),
  );
  app.onError((error, context) => answerError(context, error, dependencies.log));
  return app;
}

const about = {
  openapi: '3.1.0',
  info: {
    title: 'Perennial control API',
    version: '1',
    description: 'Durable orchestration of machine-learning models. Errors: docs/errors.md.',
  },
  security: [{ token: [] }],
};

const routes = [
  createSpecRoutes,
  createModelRoutes,
  createDeliveryRoutes,
  createTrainingRoutes,
  createApprovalRoutes,
  createReleaseRoutes,
  createDriftRoutes,
  createMonitorRoutes,
  createCostRoutes,
  createBudgetRoutes,
  createPricesRoutes,
  createAuditRoutes,
  createStatusRoutes,
];

/** A page in a browser may post forms and plain text across sites, but not this content type: it keeps strangers' pages out. */
function requireJson(method: string, contentType: string | undefined): void {
  if (['POST', 'PUT'].includes(method) && !contentType?.startsWith('application/json'))
    throw new PerennialError('NOT_JSON', `The content-type is '${contentType ?? 'missing'}'.`);
}
