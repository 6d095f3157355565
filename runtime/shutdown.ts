const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Waits for the first signal that asks the process to end, then runs `stop` and ends the process: 0 when all stopped, 1 when something would not. A
 * second signal, or `patience` milliseconds, end it at once. Never returns, since a process with Temporal's runtime loaded does not end by itself.
 */
export async function stopOnSignal(
  stop: () => Promise<void>,
  { patience = 60_000 }: { patience?: number } = {},
): Promise<never> {
  await new Promise<void>((settle) => {
    let asked = false;
    for (const signal of signals) {
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        settle();
      });
    }
  });
  setTimeout(() => process.exit(1), patience).unref();
  try {
    await stop();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  }
}
