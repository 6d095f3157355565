import type { Worker } from '@temporalio/worker';
import type { TrainingActivities } from '../activities/index.js';
import { createGpuWatch } from '../activities/gpu-watch.js';
import { createTrainingSupervision } from '../activities/training.js';
import { issueProgressToken } from '../db/training-progress.js';
import { createGpuSampler } from '../training/gpu-usage.js';
import { openBackend } from './backend.js';
import type { Parts } from './parts.js';
import { createWorker, type WorkerDependencies } from './worker.js';

/** Supervision of trainings. A slot is a promise to look, not a core: the trainings themselves run elsewhere. */
export function createTrainingWorker(
  dependencies: WorkerDependencies,
  { activities }: { activities: TrainingActivities },
): Promise<Worker> {
  return createWorker(dependencies, 'training', {
    activities,
    maxConcurrentActivityTaskExecutions: 100,
    maxHeartbeatThrottleInterval: '3 seconds',
  });
}

export async function startTraining(parts: Parts): Promise<Worker> {
  const { config, db, artifacts, log, clock, tracing } = parts;
  const backend = await openBackend(config, artifacts, {
    issueToken: (key) => issueProgressToken(db, key),
  });
  return createTrainingWorker(parts, {
    activities: createTrainingSupervision({
      db,
      artifacts,
      backend,
      log,
      clock,
      pollEvery: 500,
      // A pod's GPUs are those of its node, which this process cannot see.
      gpus:
        config.training === 'kubernetes'
          ? undefined
          : createGpuWatch({ db, clock, log, sample: createGpuSampler() }),
      traceparent: () => tracing?.traceparent(),
    }),
  });
}
