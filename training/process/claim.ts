import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { JobStatus } from '../../contracts/training.js';
import { isRunning } from '../../runtime/process-identity.js';
import { jobFolder, readJsonFile } from '../job-folder.js';
import { tellCulprit } from '../replicas.js';

const lookMs = 50;

const claim = z.object({ pid: z.int().positive(), started: z.string(), startedAt: z.string() });
/** Which wrapper runs a job. */
export type Claim = z.infer<typeof claim>;

const exit = z.object({
  code: z.int(),
  outOfMemory: z.boolean(),
  /** Rank of the replica that failed first, where there are several. */
  replica: z.int().optional(),
  startedAt: z.string(),
  finishedAt: z.string(),
});

/** Null where no wrapper has taken the job yet. */
export async function readClaim(jobs: string, key: string): Promise<Claim | null> {
  const content = await readJsonFile(jobFolder(jobs, key).process);
  return content === null ? null : claim.parse(content);
}

/** How the wrapper says that its trainers ended; null while it has not. */
export async function readExit(jobs: string, key: string): Promise<JobStatus | null> {
  const content = await readJsonFile(jobFolder(jobs, key).exit);
  if (content === null) return null;
  const { replica, ...ended } = exit.parse(content);
  const reason = replica === undefined ? {} : { reason: tellCulprit(replica, ended) };
  return { state: 'exited', ...ended, ...reason };
}

/** Waits by a clock that nobody sets. */
export async function untilDead(claimed: Claim, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline && (await isRunning(claimed))) await delay(lookMs);
}

/** Of one that has ended meanwhile nothing is asked. */
export function sendSignal({ pid }: Claim, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
