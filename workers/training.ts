import { hostname } from 'node:os';
import type { Worker } from '@temporalio/worker';
import type { TrainingActivities } from '../activities/index.js';
import { createJanitorDoor } from '../activities/janitor-door.js';
import { createGpuLeases } from '../activities/training/gpu-lease.js';
import { createGpuWatch } from '../activities/training/gpu-watch.js';
import { createTrainingSupervision, graceMs } from '../activities/training/supervise.js';
import { trainingQueue } from '../contracts/messages.js';
import type { OwnedGpus } from '../contracts/placement.js';
import { issueProgressToken } from '../db/training/progress.js';
import { createGpuSampler } from '../training/gpu-usage.js';
import { openBackend } from './backend.js';
import { startGpuAdverts } from './gpu-adverts.js';
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

/**
 * The same for trainings that ask for GPUs of a class: as many at a time as there are GPUs, so that the others wait where any owner finds
 * them, and one more, which waits here for GPUs in use: so a more urgent one is seen, and may ask for them.
 */
export function createGpuTrainingWorker(
  dependencies: WorkerDependencies,
  { activities, gpus }: { activities: TrainingActivities; gpus: OwnedGpus },
): Promise<Worker> {
  return createWorker(dependencies, 'training', {
    activities,
    taskQueue: trainingQueue(gpus.class),
    maxConcurrentActivityTaskExecutions: gpus.devices.length + 1,
    maxHeartbeatThrottleInterval: '3 seconds',
  });
}

/** One worker for trainings at large, and one for each class of GPUs that this machine owns. */
export async function startTraining(parts: Parts): Promise<Worker[]> {
  const { config, db, artifacts, client, log, clock, tracing } = parts;
  const backend = await openBackend(config, artifacts, {
    issueToken: (key) => issueProgressToken(db, key),
  });
  const owned = config.gpus.map((gpus) => ({ host: hostname(), ...gpus }));
  // Which pods go first, and which give way, is the cluster's affair.
  const preempt = config.training !== 'kubernetes';
  const stop = (key: string) => backend.cancel(key, graceMs);
  const leases = owned.length > 0 ? createGpuLeases({ db, log, owned, preempt, stop }) : undefined;
  const activities = createTrainingSupervision({
    db,
    artifacts,
    backend,
    janitor: createJanitorDoor(client),
    log,
    clock,
    pollEvery: 500,
    // A pod's GPUs are those of its node, which this process cannot see.
    gpus:
      config.training === 'kubernetes'
        ? undefined
        : createGpuWatch({ db, clock, log, sample: createGpuSampler() }),
    leases,
    traceparent: () => tracing?.traceparent(),
  });
  const workers = await Promise.all([
    createTrainingWorker(parts, { activities }),
    ...owned.map((gpus) => createGpuTrainingWorker(parts, { activities, gpus })),
  ]);
  if (leases) startGpuAdverts(parts, { owned, workers, reclaimEnded: leases.reclaimEnded });
  return workers;
}
