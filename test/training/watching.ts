import { setTimeout as delay } from 'node:timers/promises';
import type { JobStatus, TrainingJob } from '../../contracts/training.js';
import type { LogLine, LogPosition, TrainingBackend } from '../../training/backend.js';

export type Exited = Extract<JobStatus, { state: 'exited' }>;

export async function untilExited(backend: TrainingBackend, key: string): Promise<Exited> {
  for (;;) {
    const status = await backend.status(key);
    if (status.state === 'exited') return status;
    if (status.state === 'gone') throw new Error(`Nothing by the key ${key} is there`);
    await delay(20);
  }
}

export async function untilSaid(
  backend: TrainingBackend,
  key: string,
  words: string,
  rank?: number,
): Promise<LogLine> {
  for (;;) {
    const { lines } = await backend.logs(key, []);
    const found = lines.find(
      (each) => each.line.includes(words) && each.rank === (rank ?? each.rank),
    );
    if (found) return found;
    await delay(20);
  }
}

export async function readAll(backend: TrainingBackend, key: string): Promise<string[]> {
  return (await readLines(backend, key)).map(({ line }) => line);
}

/** What one replica said. */
export async function readRank(
  backend: TrainingBackend,
  key: string,
  rank: number,
): Promise<string[]> {
  const lines = await readLines(backend, key);
  return lines.flatMap((each) => (each.rank === rank ? [each.line] : []));
}

export async function readLines(backend: TrainingBackend, key: string): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for (let since: LogPosition = []; ;) {
    const { lines, next } = await backend.logs(key, since);
    all.push(...lines);
    if (next.every((offset, rank) => offset === (since[rank] ?? 0))) return all;
    since = next;
  }
}

/** Runs a job to its end. */
export async function runToEnd(backend: TrainingBackend, job: TrainingJob) {
  await backend.submit(job);
  const { code } = await untilExited(backend, job.key);
  return { job, code, root: backend.root(job.key), log: await readAll(backend, job.key) };
}
