import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createJanitorActivities } from '../../activities/janitor.js';
import { createTrainingMeter } from '../../activities/training/meter.js';
import { createTrainingAttempts } from '../../activities/training/attempt.js';
import { createTrainingSupervision } from '../../activities/training/supervise.js';
import { createApi } from '../../api/app.js';
import { createPerennial, type Perennial } from '../../client/index.js';
import { tellBudgetExtended } from '../../client/temporal.js';
import { queries, taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { LackingMoney } from '../../contracts/money-wait.js';
import type {
  SuperviseTrainingInput,
  TrainModelInput,
  TrainModelResult,
} from '../../contracts/stages.js';
import type { OwnedGpus } from '../../contracts/placement.js';
import { findAccount } from '../../db/money/ledger.js';
import { setPriceBook } from '../../db/money/price-book.js';
import { recordedOutcome } from '../../db/training/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import type { TrainingBackend } from '../../training/backend.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createGpuTrainingWorker, createTrainingWorker } from '../../workers/training.js';
import { prices } from '../governance/prices.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';
import { untilSaid } from './backend-conformance.js';
import { givenTraining, installation } from './given.js';
import { trainingLogs } from './recorded.js';

interface Running {
  stop(): Promise<void>;
}

type Awaiting = LackingMoney & { until: string };

/** Milliseconds between two reckonings here. */
const meterEvery = 50;

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
    const activities = createTrainingSupervision({ ...deps, pollEvery: 50, meterEvery });
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
      checkpoints: { expire: async () => 0 },
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

  describe('whose budget is used up', () => {
    let perennial: Perennial;
    beforeAll(async () => {
      await setPriceBook(fresh.db, { content: prices, by: 'ann' });
      const engine = { client: temporal.client, patience: 10_000 };
      const api = createApi({ db: fresh.db, engine, log: silentLog });
      const fetch: typeof globalThis.fetch = async (input, init) => api.request(input, init);
      perennial = createPerennial({ url: 'http://perennial.test', fetch });
    });

    /** Twenty seconds of grace are held back: what is left is half a second. */
    const limitNow = async ({ model, key }: SuperviseTrainingInput) => {
      const spent = (await findAccount(fresh.db, key))?.spent ?? 0;
      const hard = ((spent + 20_500) / 1e6).toFixed(6);
      const name = { scope: 'model', name: model } as const;
      await perennial.setBudget({ ...name, period: 'total', currency: 'EUR', hard, by: 'ann' });
      return name;
    };
    const untilAwaited = async (handle: WorkflowHandle): Promise<Awaiting> => {
      for (;;) {
        const { money } = await handle.query<{ money: Awaiting | null }>(queries.state);
        if (money) return money;
        await delay(50);
      }
    };
    const audited = async (subject: string) =>
      (await perennial.audit({ subject, limit: 500 })).map(({ actor, action }) => [actor, action]);

    it('waits for a person to raise it and goes on from its checkpoint: no step twice, every second paid', async () => {
      const input = await given('train=18 succeed');
      await startTrainingWorker();
      const handle = await start(input, { maximumAttempts: 1 });
      await untilSaid(backend, input.key, 'step 2');
      const name = await limitNow(input);
      const awaited = await untilAwaited(handle);
      expect(awaited).toMatchObject({ budget: `model ${input.model} (total)`, held: '0.00 EUR' });
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes).toMatchObject({
        MlAwaitingRole: ['payer'],
        MlAwaitingApproval: [true],
      });
      const first = await findAccount(fresh.db, input.key);
      expect(first?.settledAt).not.toBeNull();
      const stopped = await backend.status(input.key);
      if (stopped.state !== 'exited') throw new Error(`It is ${stopped.state}`);
      const ran = Date.parse(stopped.finishedAt) - Date.parse(stopped.startedAt);
      // A look between the job's end and the writing of it counts on for a moment.
      expect(first?.milliseconds).toBeGreaterThanOrEqual(ran);
      expect(first?.milliseconds).toBeLessThan(ran + 500);

      // What is too little wakes nobody, and a look asked for by hand says what is lacking.
      const [waiting] = await perennial.listAwaitedMoney();
      expect(waiting).toMatchObject({ model: input.model, delivery: 1, attempt: 1, needs: 23_000 });
      const little = await perennial.extendBudget({ ...name, amount: '0.000001', by: 'bo' });
      expect(little).toMatchObject({ resumed: [], waiting: [{ model: input.model }] });
      const looked = await tellBudgetExtended(temporal.client, input.model, 1, { by: 'bo' });
      expect(looked).toMatchObject({
        covered: false,
        reason: expect.stringContaining('still lacks') as string,
      });

      const enough = { ...name, amount: '1', by: 'bo', idempotencyKey: input.model };
      const resumed = [{ model: input.model, delivery: 1 }];
      expect(await perennial.extendBudget(enough)).toMatchObject({ resumed, waiting: [] });
      const result = (await handle.result()) as TrainModelResult;
      expect(result).toMatchObject({ kind: 'succeeded', attempt: 2 });
      expect(await perennial.listAwaitedMoney()).toEqual([]);

      const lines = await trainingLogs(fresh.db, input.model, 1);
      expect(new Set(lines.map(({ attempt }) => attempt))).toEqual(new Set([1, 2]));
      expect(lines.map(({ line }) => line)).toEqual(
        Array.from({ length: 18 }, (_, index) => `step ${index + 1}`),
      );
      const second = await findAccount(fresh.db, input.key.replace(/1$/, '2'));
      if (result.kind !== 'succeeded') return;
      expect(second?.milliseconds).toBeGreaterThanOrEqual(Math.round(result.seconds * 1_000));
      expect(second?.milliseconds).toBeLessThan(result.seconds * 1_000 + 500);
      const { seconds } = (await perennial.showDelivery(input.model, 1)).delivery;
      const counted = (first?.milliseconds ?? 0) + (second?.milliseconds ?? 0);
      expect(seconds.train).toBeGreaterThan(counted / 1_000);
      const { rows } = await fresh.db.execute(
        sql`SELECT sum(amount)::int AS spent FROM ledger JOIN training_account USING (key) WHERE kind = 'usage' AND model = ${input.model}`,
      );
      const spent = (first?.spent ?? 0) + (second?.spent ?? 0);
      expect(rows).toEqual([{ spent }]);
      expect((await perennial.cost(input.model)).training.amount).toBe(spent);

      // Who paid stands with the budget and with the delivery, and whoever owns the model was told once.
      expect(await audited(`${input.model}/1`)).toEqual(
        expect.arrayContaining([
          ['perennial', 'budget.awaited'],
          ['bo', 'training.money-raised'],
        ]) as unknown,
      );
      const events = await fresh.db.execute<{ type: string; to: unknown }>(
        sql`SELECT type, payload -> 'to' AS to FROM outbox WHERE subject = ${`${input.model}/1`}`,
      );
      expect(events.rows).toEqual([{ type: 'budget.awaited', to: ['ann'] }]);
    });

    it('ends at once when it is cancelled while it waits', async () => {
      const input = await given('train=1000');
      await startTrainingWorker();
      const handle = await start(input);
      await untilSaid(backend, input.key, 'step 1');
      await limitNow(input);
      await untilAwaited(handle);
      await handle.cancel();
      await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
      expect((await handle.describe()).status.name).toBe('CANCELLED');
    });
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
