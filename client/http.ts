import type { z } from 'zod';
import { isErrorCode, PerennialError } from '../contracts/errors.js';

export interface HttpOptions {
  /** Address of the door, such as http://127.0.0.1:7280. */
  url: string;
  /** What the door asks for beyond loopback; sent as a bearer token. */
  token?: string;
  /** Another `fetch`, for tests and for services that bring their own. */
  fetch?: typeof globalThis.fetch;
  /** Milliseconds until a request counts as unanswered. */
  timeout?: number;
}

export interface Call {
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
}

/** One door over HTTP: answers are checked by their contract, errors come back as PerennialError with the server's code. */
export interface Http {
  url: string;
  get<T>(path: string, answer: z.ZodType<T>, call?: Call): Promise<T>;
  post<T>(path: string, answer: z.ZodType<T>, call?: Call): Promise<T>;
  put<T>(path: string, answer: z.ZodType<T>, call?: Call): Promise<T>;
}

export function createHttp({
  url,
  token,
  fetch = globalThis.fetch,
  timeout = 90_000,
}: HttpOptions): Http {
  const send = async <T>(method: string, path: string, answer: z.ZodType<T>, call: Call = {}) => {
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) target.searchParams.set(name, String(value));
    const response = await fetch(target, {
      method,
      signal: AbortSignal.timeout(timeout),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    }).catch((cause: unknown) => {
      throw unreachable(url, cause);
    });
    const text = await response.text().catch((cause: unknown) => {
      throw unreachable(url, cause);
    });
    const value = parseJson(text);
    if (!response.ok) throw refusalOf(url, response.status, value);
    const parsed = answer.safeParse(value);
    if (parsed.success) return parsed.data;
    throw new PerennialError(
      'INTERNAL',
      `The answer of ${method} ${target.pathname} is not what this version of Perennial understands.`,
      {},
      { cause: parsed.error },
    );
  };
  return {
    url,
    get: (path, answer, call) => send('GET', path, answer, call),
    post: (path, answer, call) => send('POST', path, answer, call),
    put: (path, answer, call) => send('PUT', path, answer, call),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The control API answers `{code, message}`, the gateway `{error, code}`; anything else is not ours. */
function refusalOf(url: string, status: number, value: unknown): PerennialError {
  const answer: Record<string, unknown> =
    typeof value === 'object' && value !== null ? { ...value } : {};
  const message = answer.message ?? answer.error;
  if (!isErrorCode(answer.code) || typeof message !== 'string')
    return new PerennialError(
      'SERVER_UNREACHABLE',
      `What listens at ${url} answered ${status} and is not Perennial.`,
    );
  const details = typeof answer.details === 'object' ? { ...answer.details } : {};
  return new PerennialError(answer.code, message, { ...details, requestId: answer.requestId });
}

function unreachable(url: string, cause: unknown): PerennialError {
  const late = cause instanceof Error && cause.name === 'TimeoutError';
  return new PerennialError(
    'SERVER_UNREACHABLE',
    late ? `${url} did not answer in time.` : `Nobody listens at ${url}.`,
    { url },
    { cause },
  );
}
