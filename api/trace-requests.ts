import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { Tracing } from '../runtime/tracing/tracing.js';
import { healthPath } from './token.js';

/** Asked every few seconds, by machines. */
const quiet = new Set([healthPath, '/metrics']);

/** A span for each request, named by the route it met; it goes on with the trace that its `traceparent` header tells of. */
export function traceRequests(tracing: Tracing): MiddlewareHandler {
  return async (context, next) => {
    const { method, path } = context.req;
    if (quiet.has(path)) return next();
    await tracing.serve(method, context.req.header(), async (tell) => {
      await next();
      const route = routePath(context, -1);
      const { status } = context.res;
      tell({
        name: `${method} ${route}`,
        failed: status >= 500,
        attributes: {
          'http.request.method': method,
          'http.route': route,
          'url.path': path,
          'http.response.status_code': status,
        },
      });
    });
  };
}
