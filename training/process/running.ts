import { readdir } from 'node:fs/promises';
import { isRunning } from '../../runtime/process-identity.js';
import { readJob } from '../job-folder.js';
import { isTrainingKey } from '../key.js';
import { readClaim, readExit } from './claim.js';

/** Trainings whose wrapper lives on this machine, as `model/delivery`: they outlive every worker, and whoever stops those wants to know. */
export async function listRunningTrainings(jobs: string): Promise<string[]> {
  const running: string[] = [];
  const found = await readdir(jobs).catch(() => []);
  for (const key of found.filter(isTrainingKey)) {
    const claimed = await readClaim(jobs, key);
    if (!claimed || (await readExit(jobs, key)) || !(await isRunning(claimed))) continue;
    const job = await readJob(jobs, key);
    running.push(job ? `${job.model}/${job.delivery}` : key);
  }
  return running;
}
