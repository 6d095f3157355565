type Stop = () => Promise<void>;

const started = new Set<Stop>();

/** Does `work` and then stops what was started for it, also where a signal ends the whole run before. */
export async function whileStarted<T>(stop: Stop, work: () => Promise<T>): Promise<T> {
  started.add(stop);
  try {
    return await work();
  } finally {
    started.delete(stop);
    await stop();
  }
}

/** For a run that is interrupted: the latest start is stopped first. */
export async function stopEverything(): Promise<void> {
  for (const stop of [...started].toReversed()) await stop().catch(() => {});
}
