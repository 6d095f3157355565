import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning, type ProcessIdentity } from './process-identity.js';

export interface Running extends ProcessIdentity {
  address: string;
  stop: () => Promise<void>;
}

export interface Supervised<T extends Running> {
  /** The process as it is now; another one after a restart. */
  current: () => T;
  stop: () => Promise<void>;
}

const firstDelay = 500;
const longestDelay = 30_000;
/** A process that lived this long had a good start: the next restart is quick again. */
const goodLife = 60_000;

/**
 * Starts a process and starts it again whenever it ends, ever more slowly while it does not live long. Fails only when the first start fails. It
 * looks at the process by pid, so that one which a predecessor started is watched like its own child.
 */
export async function supervise<T extends Running>({
  start,
  onNotice,
  onRestart,
}: {
  start: (previous?: T) => Promise<T>;
  onNotice: (sentence: string) => void;
  onRestart: (running: T) => void;
}): Promise<Supervised<T>> {
  let current = await start();
  const stopping = new AbortController();

  const watch = async () => {
    let delay = firstDelay;
    let began = Date.now();
    for (;;) {
      while (await isRunning(current)) await sleep(500, undefined, { signal: stopping.signal });
      if (Date.now() - began > goodLife) delay = firstDelay;
      onNotice(`ended by itself; starting again in ${delay} ms`);
      await sleep(delay, undefined, { signal: stopping.signal });
      delay = Math.min(delay * 2, longestDelay);
      began = Date.now();
      try {
        current = await start(current);
        onRestart(current);
      } catch (error) {
        onNotice(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const watching = watch().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error;
  });

  return {
    current: () => current,
    stop: async () => {
      stopping.abort();
      // A start under way is waited for, or its process would outlive us.
      await watching;
      await current.stop();
    },
  };
}
