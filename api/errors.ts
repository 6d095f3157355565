import { randomUUID } from 'node:crypto';
import { isGrpcServiceError, ServiceError } from '@temporalio/client';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { PerennialError, type ErrorCode } from '../contracts/errors.js';
import type { ErrorAnswer } from '../contracts/overview.js';
import type { Log } from '../runtime/log.js';

/** Answers an error in the one shape that all doors share. What is not ours to explain is logged in full and told only by its request id. */
export function answerError(context: Context, error: unknown, log: Log): Response {
  const known = toPerennialError(error);
  const requestId = requestIdOf(context);
  if (known.entry.kind === 'bug')
    log.error('A request failed', {
      requestId,
      method: context.req.method,
      path: context.req.path,
      error,
      stack: traceOf(error),
    });
  const answer: ErrorAnswer = {
    code: known.code,
    message: known.message,
    hint: known.entry.hint,
    requestId,
    ...(Object.keys(known.details).length > 0 ? { details: known.details } : {}),
  };
  context.header('x-request-id', requestId);
  return context.json(answer, known.entry.http as ContentfulStatusCode);
}

/** The whole chain of causes, for the log alone. */
function traceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${traceOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

function requestIdOf(context: Context): string {
  const given = context.req.header('x-request-id');
  return given && /^[\w.:-]{1,128}$/.test(given) ? given : randomUUID();
}

function toPerennialError(error: unknown): PerennialError {
  if (error instanceof PerennialError) return error;
  if (error instanceof HTTPException)
    return error.status === 413
      ? new PerennialError('BODY_TOO_LARGE', error.message)
      : new PerennialError('NOT_JSON', `The body is not JSON: ${error.message}.`);
  if (isTemporalAway(error))
    return new PerennialError('TEMPORAL_UNAVAILABLE', 'The Temporal server does not answer.');
  if (isConnectionLost(error))
    return new PerennialError('DATABASE_UNAVAILABLE', 'The database does not answer.');
  if (isUnkeepable(error))
    return new PerennialError('INPUT_INVALID', 'A text of the request holds a NUL character.');
  return new PerennialError('INTERNAL', 'Something went wrong on our side.');
}

/** gRPC's cancelled, deadline exceeded, resource exhausted and unavailable; the client wraps them as a cause. */
function isTemporalAway(error: unknown): boolean {
  if (isGrpcServiceError(error)) return [1, 4, 8, 14].includes(error.code);
  // The connection is made on first use, and its failure comes as it is.
  if (error instanceof Error && /Failed to connect before the deadline/.test(error.message))
    return true;
  return error instanceof ServiceError && isTemporalAway(error.cause);
}

/** What PostgreSQL says of a NUL in a text or in JSON. */
function isUnkeepable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && (error.code === '22021' || error.code === '22P05')) return true;
  return isUnkeepable(error.cause);
}

/** Postgres classes 08 (connection) and 57 (shut down), and what the socket says; drizzle wraps them as a cause. */
function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(ECONNREFUSED|ECONNRESET|ENOENT|ETIMEDOUT|08...|57P..)$/.test(code)) return true;
  if (/Connection terminated|timeout exceeded when trying to connect/.test(error.message))
    return true;
  return error.cause !== undefined && isConnectionLost(error.cause);
}

/** Turns what a contract refused into an error: the first problem in the sentence, all of them in the details. */
export function refuseInput(
  error: z.core.$ZodError,
  { where, code }: { where: string; code: ErrorCode },
): never {
  const problems = error.issues.map((issue) => ({
    path: [where, ...issue.path].join('.'),
    message: issue.message,
  }));
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  throw new PerennialError(code, `${first?.path ?? where}: ${first?.message}${more}.`, {
    problems,
  });
}
