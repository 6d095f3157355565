import { join } from 'node:path';
import type { Worker } from '@temporalio/worker';
import { createApprovalActivities } from '../activities/approval.js';
import { createCheckpointExpiry } from '../activities/training/checkpoint-expiry.js';
import { createDeliveryActivities } from '../activities/delivery.js';
import type { PipelineActivities } from '../activities/index.js';
import { createJanitorActivities } from '../activities/janitor.js';
import { createJanitorDoor } from '../activities/janitor-door.js';
import { createMonitorDoor } from '../activities/monitor-door.js';
import { createMonitorActs } from '../activities/monitor-acts.js';
import { createPlacementLooks } from '../activities/training/placement.js';
import { createReleaseActivities } from '../activities/release/release.js';
import { createTrainingAttempts } from '../activities/training/attempt.js';
import { createSearchRecords } from '../activities/training/search.js';
import { createTrainingMeter, reckonEvery } from '../activities/training/meter.js';
import { createVersionActivities } from '../activities/version.js';
import { ensureSearchAttributes } from '../runtime/temporal/search-attributes.js';
import { openBackend } from './backend.js';
import { prepareBundle } from './bundle.js';
import { codeRevision } from './code-revision.js';
import { ensureJanitor } from './janitor-schedule.js';
import type { Parts } from './parts.js';
import { createWorker, type WorkerDependencies } from './worker.js';

/** Workflows and the short work beside them. One of these a process: cached workflows are what its memory goes to. */
export function createPipelineWorker(
  dependencies: WorkerDependencies,
  { activities, bundle }: { activities: PipelineActivities; bundle: { codePath: string } },
): Promise<Worker> {
  return createWorker(dependencies, 'pipeline', {
    activities,
    workflowBundle: bundle,
    maxCachedWorkflows: 200,
    maxConcurrentActivityTaskExecutions: 16,
  });
}

/** Makes sure of what workflows rely on, then starts the worker: an unknown search attribute would make them hang. */
export async function startPipeline(parts: Parts): Promise<Worker> {
  const { config, clientConnection, namespace, log, client, tracing } = parts;
  const [bundle] = await Promise.all([
    prepareBundle(join(config.home, 'bundles'), { traced: Boolean(tracing) }),
    ensureSearchAttributes(clientConnection, { namespace, log }),
    ensureJanitor(client),
  ]);
  return createPipelineWorker(parts, { bundle, activities: await pipelineActivities(parts) });
}

async function pipelineActivities(parts: Parts): Promise<PipelineActivities> {
  const { config, db, log, clock, client, artifacts } = parts;
  const backend = await openBackend(config, artifacts);
  const release = createReleaseActivities({ db, log });
  return {
    ...createDeliveryActivities({
      db,
      monitors: createMonitorDoor(client),
      janitor: createJanitorDoor(client),
    }),
    ...createTrainingAttempts({
      db,
      backendName: backend.name,
      installation: config.installation,
    }),
    ...createSearchRecords({ db }),
    ...createPlacementLooks({ db }),
    ...createVersionActivities({ db, log, codeRevision }),
    ...createApprovalActivities({ db, clock }),
    ...release,
    ...createMonitorActs({ db }),
    ...createJanitorActivities({
      db,
      client,
      backend,
      meter: createTrainingMeter({ db, clock, every: reckonEvery, grace: 0 }),
      release,
      checkpoints: createCheckpointExpiry({ db, artifacts, log, clock }),
      log,
      clock,
      workFolder: join(config.home, 'work'),
    }),
  };
}
