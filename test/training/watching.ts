import { setTimeout as delay } from 'node:timers/promises';
import type { JobStatus, TrainingJob } from '../../contracts/training.js';
import type { LogLine, TrainingBackend } from '../../training/backend.js';

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
): Promise<LogLine> {
  for (;;) {
    const { lines } = await backend.logs(key, 0);
    const found = lines.find(({ line }) => line.includes(words));
    if (found) return found;
    await delay(20);
  }
}

export async function readAll(backend: TrainingBackend, key: string): Promise<string[]> {
  const all: string[] = [];
  for (let since = 0; ;) {
    const { lines, next } = await backend.logs(key, since);
    all.push(...lines.map(({ line }) => line));
    if (next === since) return all;
    since = next;
  }
}

/** Runs a job to its end. */
export async function runToEnd(backend: TrainingBackend, job: TrainingJob) {
  await backend.submit(job);
  const { code } = await untilExited(backend, job.key);
  return { job, code, root: backend.root(job.key), log: await readAll(backend, job.key) };
}
