import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPlacementLooks } from '../../../activities/training/placement.js';
import { createTrainingAttempts } from '../../../activities/training/attempt.js';
import { taskQueues, workflowId, workflowTypes } from '../../../contracts/messages.js';
import type { SuperviseTrainingInput, TrainModelInput } from '../../../contracts/stages.js';
import { lookAtPlacement } from '../../../db/gpu/placement-view.js';
import { createFolderArtifacts } from '../../../runtime/artifacts/folder.js';
import { prepareBundle } from '../../../workers/bundle.js';
import { startPart } from '../../cli/perennial.js';
import { temporaryFolder } from '../../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../../support/postgres.js';
import { freshNamespace, type FreshNamespace } from '../../support/temporal.js';
import { givenTraining, installation } from '../given.js';
import { trainingLogs } from '../recorded.js';

describe('A training worker that owns one GPU', () => {
  let fresh: FreshDatabase;
  let temporal: FreshNamespace;
  let home: string;
  let pipeline: Worker;
  let running: Promise<void>;
  let stopWorker: () => Promise<void> = async () => {};

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    [fresh, temporal, home] = await Promise.all([
      freshDatabase(),
      freshNamespace(),
      temporaryFolder(),
    ]);
    pipeline = await Worker.create({
      connection: temporal.nativeConnection,
      namespace: temporal.namespace,
      taskQueue: taskQueues.pipeline,
      workflowBundle: await prepareBundle(join(tmpdir(), 'perennial-test-bundles')),
      activities: {
        ...createTrainingAttempts({ db: fresh.db, backendName: 'process', installation }),
        ...createPlacementLooks(fresh),
      },
    });
    running = pipeline.run();
  });
  afterAll(async () => {
    await stopWorker();
    pipeline.shutdown();
    await running;
    await temporal.close();
    await fresh.close();
  });

  const start = async (script: string, priority: number) => {
    const artifacts = createFolderArtifacts(join(home, 'artifacts'));
    const asked = { resources: { gpus: { class: 'a10', count: 1 } }, priority };
    const input = await givenTraining({ db: fresh.db, artifacts }, script, asked);
    const { model, delivery, specDigest, channels } = input;
    const turn = { priority, team: 'tests' };
    const plan = { timeout: 600_000, maximumAttempts: 1, heartbeat: 30_000, gpuClass: 'a10', turn };
    const training: TrainModelInput = { model, delivery, specDigest, channels, plan, atOnce: true };
    const handle = await temporal.client.workflow.start(workflowTypes.trainModel, {
      workflowId: workflowId.train(model, delivery),
      taskQueue: taskQueues.pipeline,
      args: [training],
    });
    return { ...input, handle };
  };
  const saidBy = async ({ model }: SuperviseTrainingInput) => {
    const lines = await trainingLogs(fresh.db, model, 1);
    return lines.map(({ attempt, line }) => `${attempt}: ${line}`);
  };
  const wasPreempted = async ({ model }: SuperviseTrainingInput) => {
    const { rows } = await fresh.db.execute<{ preempted: boolean | null }>(
      sql`SELECT (outcome -> 'preempted')::bool AS preempted FROM training_run WHERE model = ${model} ORDER BY attempt`,
    );
    return rows.map(({ preempted }) => preempted === true);
  };

  it('serves its class, and has the more urgent of two go first, which costs the other no step', async () => {
    const gate = join(home, 'gate');
    const modest = await start(`obey walk=3 await=${gate} walk=6 succeed`, 4);
    const waitsOf = async () =>
      (await modest.handle.query<{ waits: string | null }>('state')).waits;
    await until(async () => (await waitsOf()) !== null);
    expect(await waitsOf()).toBe(
      'No worker serves GPU class a10; start one with PERENNIAL_GPUS=a10:1',
    );
    ({ stop: stopWorker } = await startPart('workers/main.ts', environment(), ['training']));
    await until(async () => (await saidBy(modest)).includes('1: step 3'));
    expect(await lookAtPlacement(fresh.db, modest.key)).toEqual({ begun: true, waits: null });

    const urgent = await start('walk=2 succeed', 1);
    expect(await urgent.handle.result()).toMatchObject({ kind: 'succeeded', attempt: 1 });
    await writeFile(gate, '');
    // One attempt was all it had, and the one that gave way does not count.
    expect(await modest.handle.result()).toMatchObject({ kind: 'succeeded', attempt: 2 });
    expect(await waitsOf()).toBeNull();
    const { rows } = await fresh.db.execute(sql`SELECT class, devices FROM gpu_advert`);
    expect(rows).toEqual([{ class: 'a10', devices: 1 }]);
    expect(await wasPreempted(modest)).toEqual([true, false]);
    expect(await wasPreempted(urgent)).toEqual([false]);
    expect(await saidBy(modest)).toEqual(
      [1, 2, 3, 4, 5, 6].map((step) => `${step > 3 ? 2 : 1}: step ${step}`),
    );
  });

  const environment = () => ({
    DATABASE_URL: fresh.url,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    PERENNIAL_HOME: home,
    PERENNIAL_INSTALLATION: installation,
    PERENNIAL_TRAINER_PYTHON: 'python3',
    PERENNIAL_METRICS_PORT: '0',
    PERENNIAL_LOG_LEVEL: 'warn',
    PERENNIAL_GPUS: 'a10:1',
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(50);
}
