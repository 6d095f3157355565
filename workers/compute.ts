import { join } from 'node:path';
import type { Worker } from '@temporalio/worker';
import { createDatasetActivities } from '../activities/dataset.js';
import { createDriftActivities } from '../activities/drift.js';
import { createEvaluationActivities } from '../activities/evaluation.js';
import { createTrialSuggestions } from '../activities/training/search.js';
import type { ComputeActivities } from '../activities/index.js';
import { createStagingActivities } from '../activities/release/staging.js';
import { createSuggest } from '../training/suggest.js';
import type { Parts } from './parts.js';
import { createWorker, type WorkerDependencies } from './worker.js';

/** Work on data: each takes whole cores and much memory, so only a few at once. */
export function createComputeWorker(
  dependencies: WorkerDependencies,
  { activities }: { activities: ComputeActivities },
): Promise<Worker> {
  return createWorker(dependencies, 'compute', {
    activities,
    maxConcurrentActivityTaskExecutions: 4,
  });
}

export function startCompute(parts: Parts): Promise<Worker> {
  const { config, db, artifacts, log, clock } = parts;
  const workFolder = join(config.home, 'work');
  return createComputeWorker(parts, {
    activities: {
      ...createDatasetActivities({ db, artifacts, log, clock, workFolder }),
      ...createTrialSuggestions({ db, suggest: createSuggest(config.trainerPython ?? 'python3') }),
      ...createEvaluationActivities({ db, artifacts, log }),
      ...createStagingActivities({ db, artifacts, log }),
      ...createDriftActivities({ db, artifacts, log, clock }),
    },
  });
}
