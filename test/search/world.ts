import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { createTrainingAttempts } from '../../activities/training/attempt.js';
import { createSearchRecords, createTrialSuggestions } from '../../activities/training/search.js';
import { createTrainingSupervision } from '../../activities/training/supervise.js';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { Search } from '../../contracts/search.js';
import type { TrainModelInput } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import type { TrainingBackend } from '../../training/backend.js';
import { createSuggest } from '../../training/suggest.js';
import { prepareBundle } from '../../workers/bundle.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase } from '../support/postgres.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';
import { trainerPython } from '../support/trainer.js';
import { givenSearch, type GivenSearch } from './given.js';

export interface SearchWorld {
  db: Database;
  temporal: FreshNamespace;
  artifacts: ArtifactStore;
  backend: TrainingBackend;
  given: (plan: string, asked?: Partial<Search>) => Promise<GivenSearch>;
  start: (
    given: GivenSearch,
    search: { trials: number; parallel: number },
  ) => Promise<WorkflowHandle>;
  close: () => Promise<void>;
}

/** Workers of everything that a search needs, with Optuna and the trainers of this backend. */
export async function openSearchWorld(
  openBackend: (parts: {
    jobs: string;
    installation: string;
    artifacts: ArtifactStore;
    python: string;
  }) => TrainingBackend,
): Promise<SearchWorld> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const [fresh, temporal, artifacts, folder, python, workflowBundle] = await Promise.all([
    freshDatabase(),
    freshNamespace(),
    temporaryArtifacts(),
    temporaryFolder(),
    trainerPython(),
    prepareBundle(join(tmpdir(), 'perennial-test-bundles')),
  ]);
  const { db } = fresh;
  const installation = 'test';
  const backend = openBackend({ jobs: join(folder, 'jobs'), installation, artifacts, python });
  const watching = { backend, log: silentLog, clock: systemClock, pollEvery: 50, meterEvery: 50 };
  const activities = {
    [taskQueues.pipeline]: {
      ...createTrainingAttempts({ db, backendName: backend.name, installation }),
      ...createSearchRecords({ db }),
    },
    [taskQueues.compute]: createTrialSuggestions({ db, suggest: createSuggest(python) }),
    [taskQueues.training]: createTrainingSupervision({ db, artifacts, ...watching }),
  };
  const { nativeConnection: connection, namespace } = temporal;
  const workers = await Promise.all(
    Object.entries(activities).map(([taskQueue, offered]) =>
      Worker.create({
        connection,
        namespace,
        taskQueue,
        activities: offered as object,
        maxHeartbeatThrottleInterval: '200ms',
        ...(taskQueue === taskQueues.pipeline && { workflowBundle }),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));

  return {
    db,
    temporal,
    artifacts,
    backend,
    given: (plan, asked = {}) => givenSearch({ db, artifacts, folder }, plan, asked),
    start({ key, channels }, search) {
      const plan = { timeout: 600_000, maximumAttempts: 3, heartbeat: 30_000, search };
      const input: TrainModelInput = { ...key, channels, plan, atOnce: true };
      return temporal.client.workflow.start(workflowTypes.searchModel, {
        workflowId: workflowId.train(key.model, key.delivery),
        taskQueue: taskQueues.pipeline,
        args: [input],
      });
    },
    async close() {
      for (const worker of workers) worker.shutdown();
      await running;
      for (const { key } of await backend.list()) await backend.cancel(key, 0);
      await temporal.close();
      await fresh.close();
    },
  };
}
