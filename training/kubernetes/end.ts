import { z } from 'zod';
import type { JobStatus } from '../../contracts/training.js';
import { jobFolder, readJsonFile, writeJson } from '../job-folder.js';

export type Exited = Extract<JobStatus, { state: 'exited' }>;

const end = z.object({
  state: z.literal('exited').default('exited'),
  code: z.int(),
  outOfMemory: z.boolean(),
  startedAt: z.string(),
  finishedAt: z.string(),
  reason: z.string().exactOptional(),
  image: z.string().exactOptional(),
});
const launch = z.object({ at: z.string() });

/** Notes that the cluster has the job, so that its absence later tells something. The first note holds. */
export async function recordLaunch(jobs: string, key: string): Promise<void> {
  if ((await readJsonFile(jobFolder(jobs, key).launch)) !== null) return;
  await writeJson(jobFolder(jobs, key).launch, { at: new Date().toISOString() });
}

/** Keeps a job's end beyond its pods. The first that was recorded holds; returns it. */
export async function recordEnd(jobs: string, key: string, ended: Exited): Promise<Exited> {
  const recorded = await readEnd(jobs, key);
  if (recorded) return recorded;
  const { job, exit } = jobFolder(jobs, key);
  // Of a job whose folder is not here the end is told, not kept.
  if ((await readJsonFile(job)) !== null) await writeJson(exit, ended);
  return ended;
}

export async function readEnd(jobs: string, key: string): Promise<Exited | null> {
  const content = await readJsonFile(jobFolder(jobs, key).exit);
  return content === null ? null : end.parse(content);
}

/** The end of a job that the cluster had and has no more; null where it never had it. */
export async function readLost(jobs: string, key: string): Promise<Exited | null> {
  const content = await readJsonFile(jobFolder(jobs, key).launch);
  if (content === null) return null;
  const { at } = launch.parse(content);
  return {
    state: 'exited',
    code: 137,
    outOfMemory: false,
    startedAt: at,
    finishedAt: new Date().toISOString(),
    reason: 'Its Job is gone from the cluster.',
  };
}
