import { ApplicationFailure, CompleteAsyncError } from '@temporalio/activity';
import { TemporalFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { PerennialError, type ErrorCode } from '../contracts/errors.js';
import type { Log } from '../runtime/log.js';

/** SQLSTATE classes and system errors of a database that is away: it will be back. */
const databaseAway = /^(08|57P|53)|^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;

/** SQLSTATEs of a text that PostgreSQL cannot keep, a NUL say, in a text or within JSON: a retry finds it as it was. */
const unkeepable = /^22(021|P05) |^22P02 .*type json/;

/**
 * Turns what activities throw into what Temporal understands: the catalogue's code becomes the failure's type, and what a person has to
 * fix or decide is not tried again. Histories get sentences, logs get stacks.
 */
export function createFailureInterceptor(log: Log): ActivityInterceptorsFactory {
  return (context) => ({
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const { activityType, attempt } = context.info;
          if (!isOurs(error))
            log.error('An activity failed', {
              activityType,
              attempt,
              error,
              stack: error instanceof Error ? error.stack : undefined,
            });
          throw toFailure(error);
        }
      },
    },
  });
}

/** The failure that Temporal records for an error. Cancellations and failures made on purpose pass as they are. */
export function toFailure(error: unknown): unknown {
  if (error instanceof TemporalFailure || error instanceof CompleteAsyncError) return error;
  if (error instanceof Error && error.name === 'AbortError') return error;
  const failure =
    error instanceof PerennialError
      ? ApplicationFailure.create({
          message: error.message,
          type: error.code,
          nonRetryable: error.entry.kind === 'fix' || error.entry.kind === 'ask',
          details: [{ hint: error.entry.hint, ...error.details }],
        })
      : ApplicationFailure.create({
          message: messageOf(error),
          type: codeOf(error),
          nonRetryable: codeOf(error) === 'INPUT_INVALID',
        });
  failure.stack = '';
  return failure;
}

function isOurs(error: unknown): boolean {
  return error instanceof PerennialError || error instanceof TemporalFailure;
}

function codeOf(error: unknown): ErrorCode {
  const { code, message, cause } = (error ?? {}) as Partial<Record<string, unknown>>;
  if (typeof code === 'string' && databaseAway.test(code)) return 'DATABASE_UNAVAILABLE';
  if (unkeepable.test(`${String(code)} ${String(message)}`)) return 'INPUT_INVALID';
  return cause instanceof Error ? codeOf(cause) : 'INTERNAL';
}

/** The innermost message: a failed query's outer one repeats the statement with all its values. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? messageOf(error.cause) : error.message;
}
