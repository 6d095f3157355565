import { DefaultLogger, Runtime } from '@temporalio/worker';
import { openArena, type Arena } from './arena.js';
import type { ContainerEngine } from './container-engine.js';
import type { Say } from './delivery/play.js';

export function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

/** Says each sentence with the seconds since now. */
export function sayFromNow(): Say {
  const began = performance.now();
  return (sentence) =>
    say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${sentence}`);
}

/** A stack to be hurt; on a signal what was found so far is told, and nothing is left behind. */
export async function withArena(
  {
    ownDisk,
    engine,
    gpus,
    say: report,
    onInterrupt,
  }: {
    ownDisk: boolean;
    engine?: ContainerEngine | undefined;
    gpus?: string;
    say: Say;
    onInterrupt: () => void;
  },
  work: (arena: Arena) => Promise<boolean>,
): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), shutdownSignals: [] });
  const opening = openArena({ ownDisk, engine, gpus, say: report });
  let closing: Promise<void> | undefined;
  // Work that is interrupted ends soon by itself, and then waits for the same.
  const close = () => (closing ??= opening.then((arena) => arena.close()));
  let interrupted = false;
  const interrupt = () => {
    if (interrupted) return;
    interrupted = true;
    // A question under way to a server that goes away would end us, out of a timer of the client's, before all is cleared away.
    process.on('uncaughtException', () => {});
    onInterrupt();
    say('Interrupted: nothing was counted at the end.');
    void close().finally(() => process.exit(130));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
  // Nobody reads on (`| head`).
  process.stdout.on('error', interrupt);
  const arena = await opening;
  try {
    process.exitCode = (await work(arena)) ? 0 : 1;
  } finally {
    await close();
  }
}
