import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { PerennialError } from '../contracts/errors.js';

/** Whether the process lives is no secret, and whoever restarts it has no token. */
export const healthPath = '/health';

/** Where trainers report; each has a token of its own attempt, which the route itself looks at. */
const reports = /^\/api\/v1\/trainings\/[^/]+\/progress$/;

/** The token of an `Authorization: Bearer …` header; undefined where there is none. */
export function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
}

/** Lets nobody pass who does not know the token. Digests are compared, so that the time it takes tells neither length nor content. */
export function requireToken(token: string): MiddlewareHandler {
  const wanted = digestOf(token);
  return async (context, next) => {
    const { path } = context.req;
    if (path !== healthPath && !reports.test(path)) {
      const given = bearerOf(context.req.header('authorization'));
      if (given === undefined || !timingSafeEqual(digestOf(given), wanted)) {
        context.header('www-authenticate', 'Bearer realm="perennial"');
        throw new PerennialError(
          'UNAUTHENTICATED',
          given === undefined ? 'The request brings no token.' : 'The token is not the right one.',
        );
      }
    }
    await next();
  };
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
