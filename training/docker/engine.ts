import Docker from 'dockerode';
import { PerennialError } from '../../contracts/errors.js';

/** An engine that says nothing at all for this long is taken for gone; milliseconds. */
const silence = 60_000;

/** A client of the engine at `unix:///path` or `tcp://host:port`. It connects with the first question. */
export function connectEngine(address: string): Docker {
  const { protocol, hostname, port, pathname } = new URL(address);
  if (protocol === 'unix:') return new Docker({ socketPath: pathname, timeout: silence });
  return new Docker({ protocol: 'http', host: hostname, port: port || '2375', timeout: silence });
}

/** An answer of the engine other than success. */
interface Refusal extends Error {
  statusCode: number;
}

export function isRefusal(error: unknown, ...statusCodes: number[]): error is Refusal {
  if (!(error instanceof Error) || !('statusCode' in error)) return false;
  return typeof error.statusCode === 'number' && statusCodes.includes(error.statusCode);
}

/** Null where the engine knows nothing by that name. */
export async function unlessMissing<T>(question: Promise<T>): Promise<T | null> {
  return question.catch((error: unknown) => {
    if (isRefusal(error, 404)) return null;
    throw unavailable(error);
  });
}

/** The engine's own words, without the client's wrapping. */
export function wordsOf(error: unknown): string {
  const { json, message } = error as { json?: { message?: string }; message?: string };
  return (json?.message ?? message ?? String(error)).replace(/\s+/g, ' ').trim();
}

/** What no caller has a better name for: the engine is away, or in no state to answer. Our own errors stay as they are. */
export function unavailable(error: unknown): PerennialError {
  if (error instanceof PerennialError) return error;
  return new PerennialError(
    'ENGINE_UNAVAILABLE',
    `The container engine does not do its work: ${wordsOf(error)}`,
    {},
    { cause: error },
  );
}

/** Whether the engine could not find what the job asked of the machine; everything else may be better in a minute. */
export function isPlacement(error: unknown): boolean {
  return /device driver|nvidia|unknown device|no such device|gpu/i.test(wordsOf(error));
}
