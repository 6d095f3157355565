import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { createDeliveryActivities } from '../../activities/delivery.js';
import { createJanitorDoor } from '../../activities/janitor-door.js';
import { createMonitorDoor } from '../../activities/monitor-door.js';
import { createTrainingAttempts } from '../../activities/training/attempt.js';
import { createTrainingSupervision } from '../../activities/training/supervise.js';
import { createApi } from '../../api/app.js';
import { taskQueues } from '../../contracts/messages.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { connectTemporal } from '../../runtime/temporal/connection.js';
import type { Tracing } from '../../runtime/tracing/tracing.js';
import { healthy } from '../../scripts/healthy-model.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createWorker } from '../../workers/worker.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase } from '../support/postgres.js';
import { freshNamespace } from '../support/temporal.js';
import { givenTraining, installation } from '../training/given.js';
import { trainingLogs } from '../training/recorded.js';

export const bundles = join(tmpdir(), 'perennial-test-bundles');

/** The API, the workflows, the opening of deliveries and the training as they are, traced; the other activities are played. */
export async function startTracedWorld(tracing: Tracing) {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const [{ db, close: closeDatabase }, fresh, artifacts, folder, bundle] = await Promise.all([
    freshDatabase(),
    freshNamespace(),
    temporaryArtifacts(),
    temporaryFolder(),
    prepareBundle(bundles, { traced: true }),
  ]);
  const { address, namespace, nativeConnection: connection } = fresh;
  const temporal = await connectTemporal({ address, namespace }, { tracing });
  const { client } = temporal;
  const jobs = join(folder, 'jobs');
  const backend = createProcessBackend({ jobs, python: 'python3', installation, artifacts });
  const channel = await artifacts.keepBytes('rows', 'channel');
  const activities = {
    ...healthy,
    ...createDeliveryActivities({
      db,
      monitors: createMonitorDoor(client),
      janitor: createJanitorDoor(client),
    }),
    ...createTrainingAttempts({ db, backendName: 'process', installation }),
    ...createTrainingSupervision({
      db,
      artifacts,
      backend,
      log: silentLog,
      clock: systemClock,
      pollEvery: 50,
      traceparent: tracing.traceparent,
    }),
    validateData: async () => ({
      ...(await healthy.validateData({} as never)),
      channels: { train: channel, holdout: channel, trainRows: 1, holdoutRows: 1 },
    }),
  };
  const versioning = { mode: 'off', buildId: undefined } as const;
  const workers = await Promise.all(
    (Object.keys(taskQueues) as (keyof typeof taskQueues)[]).map((queue) =>
      createWorker({ connection, namespace, log: silentLog, tracing, versioning }, queue, {
        activities,
        ...(queue === 'pipeline' ? { workflowBundle: bundle } : {}),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));
  const api = createApi({ db, engine: { client, patience: 20_000 }, log: silentLog, tracing });
  return {
    api,
    /** One that knows nothing of traces, like Temporal's command line. */
    client: fresh.client,
    /** A model with a spec whose trainer does what the script says. */
    given: async (script: string) => (await givenTraining({ db, artifacts }, script)).model,
    said: async (model: string, delivery: number) =>
      (await trainingLogs(db, model, delivery)).map(({ line }) => line),
    end: async () => {
      for (const worker of workers) worker.shutdown();
      await running;
      await temporal.close();
      await fresh.close();
      await closeDatabase();
    },
  };
}
