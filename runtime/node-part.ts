import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PerennialError } from '../contracts/errors.js';
import { identifyProcess, isRunning, stopProcess } from './process-identity.js';
import type { Running } from './supervise.js';

const largestLog = 20_000_000;
const launch = fileURLToPath(new URL('launch.mjs', import.meta.url));

/**
 * Starts one of our own processes and returns when it said so: one line `{"ready":true,"address":"…"}` on stdout. Both outputs go to the log file,
 * never through a pipe of ours: the process must survive our being killed.
 */
export async function startNodePart({
  name,
  file,
  args,
  environment,
  folder,
  logFile,
}: {
  name: string;
  /** TypeScript file that is its main. */
  file: string;
  args: string[];
  environment: Record<string, string | undefined>;
  /** Working folder. */
  folder: string;
  logFile: string;
}): Promise<Running> {
  const log = await openLog(logFile);
  const { size: offset } = await log.stat();
  const child = spawn(
    process.execPath,
    [launch, file, ...args],
    // Its own process group: Ctrl-C in the terminal is ours to pass on, in order.
    {
      cwd: folder,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: environment,
    },
  );
  child.once('error', () => {});
  child.unref();
  await log.close();
  const identity = child.pid === undefined ? undefined : await identifyProcess(child.pid);
  while (identity && (await isRunning(identity))) {
    const ready = findReadyLine(await readFrom(logFile, offset));
    if (ready) {
      const { address = `pid ${identity.pid}` } = ready;
      return { ...identity, address, stop: () => stopProcess(identity, { patience: 15_000 }) };
    }
    await sleep(25);
  }
  const last = (await readFrom(logFile, offset)).trim().split('\n').slice(-5).join('\n');
  throw new PerennialError(
    'INTERNAL',
    `${name} ended before it was ready. Its last words:\n${last}`,
  );
}

function findReadyLine(text: string): { address?: string } | undefined {
  for (const line of text.split('\n')) {
    if (!line.startsWith('{"ready":true')) continue;
    try {
      return JSON.parse(line) as { address?: string };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

async function openLog(path: string) {
  await mkdir(dirname(path), { recursive: true });
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size > largestLog) await rename(path, `${path}.old`);
  return open(path, 'a', 0o600);
}

async function readFrom(path: string, offset: number): Promise<string> {
  let text = '';
  for await (const chunk of createReadStream(path, { start: offset, encoding: 'utf8' }))
    text += chunk;
  return text;
}
