import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { Runtime, type NativeConnection, type Worker } from '@temporalio/worker';
import { namespace } from '../../contracts/messages.js';
import { silentLog } from '../../runtime/log.js';
import { findTemporalCli } from '../../runtime/temporal/cli.js';
import { startTemporalServer } from '../../runtime/temporal/server.js';
import { connectWorker } from '../../runtime/temporal/worker.js';
import { connectTemporal } from '../../runtime/temporal/connection.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createComputeWorker } from '../../workers/compute.js';
import { createJudgeWorker } from '../../workers/judge.js';
import { createPipelineWorker } from '../../workers/pipeline.js';
import { createTemporalLogger } from '../../workers/temporal-logger.js';
import { createTrainingWorker } from '../../workers/training.js';
import type { WorkerDependencies } from '../../workers/worker.js';
import type { AllActivities } from '../healthy-model.js';
import { whileStarted } from './started.js';

export interface TemporalHome {
  address: string;
  serverPid: number;
  client: Client;
  connection: NativeConnection;
}

/** Lends a Temporal server of its own, as `perennial up` starts it, with a client and a connection for workers. */
export async function withTemporal<T>(
  folder: string,
  work: (home: TemporalHome) => Promise<T>,
): Promise<T> {
  const server = await startTemporalServer({
    cli: await findTemporalCli(process.env['PERENNIAL_TEMPORAL_CLI']),
    folder: join(folder, 'temporal'),
    namespace,
    log: silentLog,
    ui: false,
    dynamicConfig: ['history.workflowIdReuseMinimalInterval="0s"'],
  });
  const { address, pid: serverPid } = server;
  return whileStarted(server.kill, async () => {
    const { client, close } = await connectTemporal({ address, namespace });
    const connection = await connectWorker({ address, namespace });
    try {
      return await work({ address, serverPid, client, connection });
    } finally {
      await connection.close();
      await close();
    }
  });
}

/** The SDK's own words, such as those about starting and stopping, are nobody's result. To be called before anything connects. */
export function silenceTemporal(): void {
  Runtime.install({ logger: createTemporalLogger(silentLog), shutdownSignals: [] });
}

/** Our four workers as they are in production, but for what their activities do. */
export async function createOurWorkers(
  connection: NativeConnection,
  { activities, folder }: { activities: AllActivities; folder: string },
): Promise<Worker[]> {
  const dependencies: WorkerDependencies = {
    connection,
    namespace,
    log: silentLog,
    versioning: { mode: 'off', buildId: undefined },
  };
  const bundle = await prepareBundle(join(folder, 'bundles'));
  return Promise.all([
    createPipelineWorker(dependencies, { activities, bundle }),
    createComputeWorker(dependencies, { activities }),
    createTrainingWorker(dependencies, { activities }),
    createJudgeWorker(dependencies, { activities }),
  ]);
}

/** Runs workers for as long as `work` takes. */
export async function whileWorking<T>(
  workers: readonly Worker[],
  work: () => Promise<T>,
): Promise<T> {
  const running = Promise.all(workers.map((worker) => worker.run()));
  const broken = running.then(() => {
    throw new Error('The workers stopped before the work was done');
  });
  try {
    return await Promise.race([work(), broken]);
  } finally {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await running;
  }
}
