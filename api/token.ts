import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { PerennialError } from '../contracts/errors.js';

/** Whether the process lives is no secret, and whoever restarts it has no token. */
export const healthPath = '/health';

/** Lets nobody pass who does not know the token. Digests are compared, so that the time it takes tells neither length nor content. */
export function requireToken(token: string): MiddlewareHandler {
  const wanted = digestOf(token);
  return async (context, next) => {
    if (context.req.path !== healthPath) {
      const [, given] = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '') ?? [];
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
