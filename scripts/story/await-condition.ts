import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until `look` answers something; gives up with a sentence that names what did not happen. */
export async function awaitCondition<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  { timeoutSeconds = 90, everyMs = 200 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline)
      throw new Error(`Waited ${timeoutSeconds} s for ${what}, in vain.`);
    await sleep(everyMs);
  }
}
