import type { IncomingMessage } from 'node:http';
import { PerennialError } from '../contracts/errors.js';
import { jsonReply, type Reply } from './http-exchange.js';
import type { GatewayMetrics } from './metrics.js';
import type { ModelRoutes } from './model-routes.js';
import type { RouteSplit } from './route-split.js';

interface Endpoint {
  method: 'GET' | 'POST';
  answer(request: IncomingMessage): Promise<Reply> | Reply;
}

/** Beyond, whoever makes up paths would fill the memory. */
const mostKnown = 1_000;

const server = { name: 'perennial', version: '0.1.0', extensions: [] };

/** Finds what a request asks for. Throws ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED. */
export function createRequestRouter({
  models,
  routes,
  metrics,
}: {
  models: ModelRoutes;
  routes: RouteSplit;
  metrics: GatewayMetrics;
}): (request: IncomingMessage) => Promise<Reply> | Reply {
  const modelEndpoint = (model: string, parts: readonly string[]): Endpoint | undefined => {
    const pinned = parts[0] === 'versions' && parts[1] !== undefined;
    const version = pinned ? parts[1] : undefined;
    const [act, ...rest] = pinned ? parts.slice(2) : parts;
    if (rest.length > 0) return undefined;
    switch (act) {
      case undefined:
        return { method: 'GET', answer: () => models.describeModel(model, version) };
      case 'ready':
        return { method: 'GET', answer: () => models.modelReady(model, version) };
      case 'infer':
        return { method: 'POST', answer: (request) => models.infer(request, model, version) };
      case 'labels':
        if (pinned) return undefined;
        return { method: 'POST', answer: (request) => models.storeLabels(request, model) };
      default:
        return undefined;
    }
  };

  const endpointOf = (path: string): Endpoint | undefined => {
    if (path.startsWith('/v2/models/')) {
      const [model, ...parts] = path.slice('/v2/models/'.length).replace(/\/$/, '').split('/');
      return model ? modelEndpoint(model.slice(0, 100), parts) : undefined;
    }
    switch (path) {
      case '/v2':
      case '/v2/':
        return { method: 'GET', answer: () => jsonReply(server) };
      case '/v2/health/live':
        return { method: 'GET', answer: () => jsonReply({ live: true }) };
      case '/v2/health/ready':
        return {
          method: 'GET',
          answer: () => jsonReply({ ready: routes.ready }, routes.ready ? 200 : 503),
        };
      case '/metrics':
        return {
          method: 'GET',
          answer: async () => ({
            status: 200,
            body: await metrics.registry.metrics(),
            type: metrics.registry.contentType,
          }),
        };
      default:
        return undefined;
    }
  };

  /** Endpoints by path: clients ask for the same few again and again. */
  const known = new Map<string, Endpoint>();
  const knownEndpoint = (path: string): Endpoint | undefined => {
    const found = known.get(path) ?? endpointOf(path);
    if (found && !known.has(path)) {
      if (known.size >= mostKnown) known.clear();
      known.set(path, found);
    }
    return found;
  };

  return (request) => {
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    const endpoint = knownEndpoint(path);
    if (!endpoint)
      throw new PerennialError('ROUTE_NOT_FOUND', `There is nothing at ${path.slice(0, 200)}.`);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method !== endpoint.method)
      throw new PerennialError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not possible at ${path}; ${endpoint.method} is.`,
        { allow: endpoint.method },
      );
    return endpoint.answer(request);
  };
}
