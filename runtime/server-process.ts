import { spawn, type SpawnOptions } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  identifyProcess,
  isRunning,
  stopProcess,
  type ProcessIdentity,
} from './process-identity.js';

export interface ServerCommand {
  command: string;
  args: string[];
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'>;
  /** The file that what it says is added to. */
  log: string;
  answers: () => Promise<boolean>;
  /** Milliseconds in which it has to answer. */
  patience: number;
  /** What it is asked to stop with where it does not. */
  stopSignal: NodeJS.Signals;
}

/**
 * Starts a server that outlives whoever started it, and waits until it answers; undefined when it ended first, as it does when somebody
 * took the port.
 */
export async function startServerProcess({
  command,
  args,
  options,
  log,
  answers,
  patience,
  stopSignal: signal,
}: ServerCommand): Promise<ProcessIdentity | undefined> {
  const words = await open(log, 'a', 0o600);
  const child = spawn(command, args, {
    ...options,
    // Its own process group: Ctrl-C in the terminal is ours to pass on, in order.
    detached: true,
    stdio: ['ignore', words.fd, words.fd],
  });
  child.once('error', () => {});
  child.unref();
  await words.close();
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
  if (!identity) return undefined;
  const giveUpAt = Date.now() + patience;
  while (await isRunning(identity)) {
    if (Date.now() > giveUpAt) await stopProcess(identity, { signal });
    if (await answers()) return identity;
    await sleep(20);
  }
  return undefined;
}

/** The last lines of what a server said, in one. */
export async function lastWordsOf(log: string): Promise<string> {
  const words = await readFile(log, 'utf8').catch(() => '');
  return words.trim().split('\n').slice(-3).join(' · ');
}
