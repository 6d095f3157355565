import type { Worker } from '@temporalio/worker';
import type { JudgeActivities } from '../activities/index.js';
import { createJudgeActivities } from '../activities/release/judge.js';
import type { Parts } from './parts.js';
import { createWorker, type WorkerDependencies } from './worker.js';

/** Judges of canary steps, one activity for the whole of a step. Pause and abort reach them with the answer to a heartbeat. */
export function createJudgeWorker(
  dependencies: WorkerDependencies,
  { activities }: { activities: JudgeActivities },
): Promise<Worker> {
  return createWorker(dependencies, 'judge', {
    activities,
    maxConcurrentActivityTaskExecutions: 200,
    maxHeartbeatThrottleInterval: '2 seconds',
  });
}

export function startJudge(parts: Parts): Promise<Worker> {
  const { db, log, clock } = parts;
  return createJudgeWorker(parts, { activities: createJudgeActivities({ db, log, clock }) });
}
