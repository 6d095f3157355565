import { setTimeout as sleep } from 'node:timers/promises';
import { PerennialError } from '../../contracts/errors.js';

/** Does it again while what it needs is away: a door that is down, a database or an engine that does not answer. Anything else is thrown. */
export async function patiently<T>(act: () => Promise<T>, { seconds = 120 } = {}): Promise<T> {
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (!isAway(error) || performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

/** Whether waiting helps, by what the doors promise: their own codes, or what a socket or PostgreSQL says of a lost connection. */
function isAway(error: unknown): boolean {
  if (error instanceof PerennialError)
    return error.code === 'SERVER_UNREACHABLE' || error.entry.kind === 'retry';
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(ECONN|EPIPE|ETIMEDOUT|08|57P|53)/.test(code)) return true;
  if (/Connection terminated|timeout exceeded|UNAVAILABLE|DEADLINE/.test(error.message))
    return true;
  return isAway(error.cause);
}
