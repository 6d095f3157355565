import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createJanitorActivities } from '../../activities/janitor.js';
import { createTrainingMeter } from '../../activities/training-meter.js';
import { createTrainingAttempts } from '../../activities/training-attempt.js';
import { createTrainingSupervision } from '../../activities/training.js';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { SuperviseTrainingInput, TrainModelInput } from '../../contracts/stages.js';
import type { OwnedGpus } from '../../db/gpu-lease.js';
import { recordedOutcome, trainingLogs } from '../../db/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import type { TrainingBackend } from '../../training/backend.js';
import { createProcessBackend } from '../../training/process.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createGpuTrainingWorker, createTrainingWorker } from '../../workers/training.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';
import { untilSaid } from './backend-conformance.js';
import { givenTraining, installation } from './given.js';

interface Running {
  stop(): Promise<void>;
}

describe('trainModel with a real trainer', () => {
  let fresh: FreshDatabase;
  let temporal: FreshNamespace;
  let artifacts: ArtifactStore;
  let backend: TrainingBackend;
  let folder: string;
  let pipeline: Running;
  const working = new Set<Running>();

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    [fresh, temporal, artifacts, folder] = await Promise.all([
      freshDatabase(),
      freshNamespace(),
      temporaryArtifacts(),
      temporaryFolder(),
    ]);
    const jobs = join(folder, 'jobs');
    backend = createProcessBackend({ jobs, python: 'python3', installation, artifacts });
    pipeline = running(
      await Worker.create({
        connection: temporal.nativeConnection,
        namespace: temporal.namespace,
        taskQueue: taskQueues.pipeline,
        workflowBundle: await prepareBundle(join(tmpdir(), 'perennial-test-bundles')),
        activities: createTrainingAttempts({ db: fresh.db, backendName: 'process', installation }),
      }),
    );
  });
  afterEach(async () => {
    for (const worker of working) await worker.stop();
  });
  afterAll(async () => {
    await pipeline.stop();
    for (const { key } of await backend.list()) await backend.cancel(key, 0);
    await temporal.close();
    await fresh.close();
  });

  const startTrainingWorker = async (gpus?: OwnedGpus): Promise<Running> => {
    const deps = { db: fresh.db, artifacts, backend, log: silentLog, clock: systemClock };
    const activities = createTrainingSupervision({ ...deps, pollEvery: 50 });
    const { nativeConnection: connection, namespace } = temporal;
    const versioning = { mode: 'off', buildId: undefined } as const;
    const common = { connection, namespace, log: silentLog, versioning };
    const started = running(
      await (gpus
        ? createGpuTrainingWorker(common, { activities, gpus })
        : createTrainingWorker(common, { activities })),
    );
    const worker = {
      async stop() {
        working.delete(worker);
        await started.stop();
      },
    };
    working.add(worker);
    return worker;
  };
  const start = async (
    { model, delivery, specDigest, channels }: SuperviseTrainingInput,
    asked: Partial<TrainModelInput['plan']> = {},
  ) => {
    const plan = { timeout: 600_000, maximumAttempts: 3, heartbeat: 30_000, ...asked };
    const input: TrainModelInput = { model, delivery, specDigest, channels, plan };
    return temporal.client.workflow.start(workflowTypes.trainModel, {
      workflowId: workflowId.train(model, delivery),
      taskQueue: taskQueues.pipeline,
      args: [input],
    });
  };
  const given = (script: string) => givenTraining({ db: fresh.db, artifacts }, script);

  it('hands the running trainer from a worker that stops to the next', async () => {
    const gate = join(folder, 'gate');
    const input = await given(`say=begun await=${gate} say=done succeed`);
    const first = await startTrainingWorker();
    const handle = await start(input);
    await untilSaid(backend, input.key, 'begun');
    await first.stop();
    expect(await backend.status(input.key)).toMatchObject({ state: 'running' });

    await startTrainingWorker();
    await writeFile(gate, '');
    expect(await handle.result()).toMatchObject({ kind: 'succeeded', attempt: 1 });
    const lines = await trainingLogs(fresh.db, input.model, 1);
    expect(lines.map(({ line }) => line)).toEqual(['begun', 'done']);
  });

  it('stops the trainer of a cancelled workflow before it ends', async () => {
    const input = await given('obey say=ready forever');
    await startTrainingWorker();
    const handle = await start(input);
    await untilSaid(backend, input.key, 'ready');
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    expect(await backend.status(input.key)).toMatchObject({ state: 'exited', code: 143 });
    expect((await handle.describe()).status.name).toBe('CANCELLED');
  });

  it('leaves the trainer of a workflow that was terminated to the janitor, which stops it and closes its books', async () => {
    const input = await given('obey say=ready forever');
    const worker = await startTrainingWorker();
    const handle = await start(input);
    await untilSaid(backend, input.key, 'ready');
    await worker.stop();
    await handle.terminate();
    expect(await backend.status(input.key)).toMatchObject({ state: 'running' });
    const { db } = fresh;
    const nothing = () => Promise.reject(new Error('There is no release.'));
    const janitor = createJanitorActivities({
      db,
      backend,
      client: temporal.client,
      meter: createTrainingMeter({ db, clock: systemClock, every: 0, grace: 0 }),
      release: { restoreRoute: nothing, closeRelease: nothing },
      log: silentLog,
      clock: systemClock,
      workFolder: join(folder, 'work'),
      secondLookAfter: 10,
    });
    expect(await janitor.sweep()).toMatchObject({ jobsReaped: 1 });
    expect(await backend.status(input.key)).toMatchObject({ state: 'exited', code: 143 });
    expect(await recordedOutcome(db, input.key)).toMatchObject({ kind: 'failed', code: 143 });
    expect(await janitor.sweep()).toMatchObject({ jobsReaped: 0 });
  });

  it('goes on from the checkpoint of a failed attempt, and clears away after a success', async () => {
    const input = await given('resume-or-stop succeed');
    await startTrainingWorker();
    const handle = await start(input);
    expect(await handle.result()).toMatchObject({ kind: 'succeeded', attempt: 2 });
    const lines = await trainingLogs(fresh.db, input.model, 1);
    expect(lines.map(({ attempt, line }) => [attempt, line])).toEqual([[2, 'resumed halfway']]);
    expect((await backend.list()).filter(({ model }) => model === input.model)).toEqual([]);
  });

  it('is looked after only by an owner of the GPUs that it asks for, in the turn that it has', async () => {
    const input = await given('fail=Wrong_column. exit=65');
    await startTrainingWorker();
    const turn = { priority: 2, team: 'tests' };
    const handle = await start(input, { gpuClass: 'a10', turn });
    const scheduled = await untilScheduled(handle, 'superviseTraining');
    expect(scheduled.taskQueue?.name).toBe('perennial-training-a10');
    expect(scheduled.priority).toMatchObject({ priorityKey: 2, fairnessKey: 'tests' });
    expect(await backend.status(input.key)).toEqual({ state: 'gone' });

    await startTrainingWorker({ host: 'one', class: 'a10', devices: [0] });
    expect(await handle.result()).toMatchObject({ kind: 'failed', code: 65, attempt: 1 });
  });

  it('tries again by its own count, each attempt a job of its own, and ends with the last answer', async () => {
    const input = await given('fail=Preempted. exit=75');
    await startTrainingWorker();
    const handle = await start(input);
    expect(await handle.result()).toMatchObject({ kind: 'failed', code: 75, attempt: 3 });
    const { rows } = await fresh.db.execute<{ key: string }>(
      sql`SELECT key FROM training_run WHERE model = ${input.model} ORDER BY attempt`,
    );
    expect(rows.map(({ key }) => key.slice(-2))).toEqual(['-1', '-2', '-3']);
  });
});

/** How the workflow asked for its first activity of that name. */
async function untilScheduled(handle: WorkflowHandle, name: string) {
  for (;;) {
    const { events } = await handle.fetchHistory();
    for (const { activityTaskScheduledEventAttributes: asked } of events ?? [])
      if (asked?.activityType?.name === name) return asked;
    await delay(50);
  }
}

function running(worker: Worker): Running {
  const ended = worker.run();
  return {
    async stop() {
      worker.shutdown();
      await ended;
    },
  };
}
