import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createJanitorActivities } from '../../activities/janitor.js';
import { createJanitorDoor } from '../../activities/janitor-door.js';
import type { CloseReleaseInput, RestoreRouteInput } from '../../contracts/stages.js';
import type { ListedJob } from '../../training/backend.js';
import { openTrainingRun, recordedOutcome } from '../../db/training/training.js';
import { silentLog } from '../../runtime/log.js';
import { digest } from '../../scripts/healthy-model.js';
import { ensureJanitor } from '../../workers/janitor-schedule.js';
import { newDelivery } from '../approval/rows.js';
import { temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { untilCancelled } from '../workflows/scripted-activities.js';
import { newModel, startWorld, type World } from '../workflows/world.js';

let world: World;
let database: FreshDatabase;
beforeAll(async () => {
  [world, database] = await Promise.all([startWorld(), freshDatabase()]);
});
afterAll(async () => {
  await world.end();
  await database.close();
});

function sweeper(jobs: ListedJob[] = [], { workFolder = '/nowhere', now = new Date() } = {}) {
  const cancelled: string[] = [];
  const removed: string[] = [];
  const settled: string[] = [];
  const restored: RestoreRouteInput[] = [];
  const closed: CloseReleaseInput[] = [];
  const janitor = createJanitorActivities({
    db: database.db,
    client: world.client,
    backend: {
      list: async () => jobs,
      status: async () => ({ state: 'gone' }),
      cancel: async (key) => void cancelled.push(key),
      remove: async (key) => void removed.push(key),
    },
    meter: { settle: async (key) => void settled.push(key) },
    release: {
      restoreRoute: async (input) => {
        restored.push(input);
        return { revision: 1 };
      },
      closeRelease: async (input) => void closed.push(input),
    },
    checkpoints: { expire: async () => 0 },
    log: silentLog,
    clock: { now: () => now },
    workFolder,
    secondLookAfter: 10,
  });
  return { sweep: () => janitor.sweep(), cancelled, removed, settled, restored, closed };
}

const startedAt = new Date().toISOString();
const job = (
  model: string,
  key: string,
  status: ListedJob['status'] = { state: 'running', startedAt },
): ListedJob => ({ key, model, delivery: 1, attempt: 1, labels: {}, status });

test('makes the coming partitions once', async () => {
  expect((await sweeper().sweep()).partitionsMade).toBe(2);
  expect((await sweeper().sweep()).partitionsMade).toBe(0);
});

test('stops a job whose workflow has closed, and none that runs or that Temporal knows nothing of', async () => {
  const [closed, running, unknown] = [newModel(), newModel(), newModel()];
  const train = (model: string) =>
    world.client.workflow.start('trainModel', {
      workflowId: `train/${model}/1`,
      taskQueue: 'perennial-pipeline',
      args: [
        {
          model,
          delivery: 1,
          specDigest: digest,
          channels: {},
          plan: { timeout: 1_000, maximumAttempts: 1, heartbeat: 1_000 },
        },
      ],
    });
  world.script(running, { superviseTraining: untilCancelled });
  const [ended, going] = await Promise.all([train(closed), train(running)]);
  await ended.result();
  const { sweep, cancelled } = sweeper([
    job(closed, 'orphan'),
    job(closed, 'queued', { state: 'waiting', reason: 'No machine has room.' }),
    job(running, 'watched'),
    job(unknown, 'unknown'),
  ]);
  expect((await sweep()).jobsReaped).toBe(2);
  expect(cancelled.toSorted()).toEqual(['orphan', 'queued']);
  await going.terminate();
});

test('closes the books of a job that it stops', async () => {
  const { model, delivery } = await newDelivery(database.db);
  const handle = await world.client.workflow.start('janitor', {
    workflowId: `train/${model}/${delivery}`,
    taskQueue: 'perennial-pipeline',
    args: [],
  });
  await handle.result();
  const attempt = { model, delivery, attempt: 1, key: 'perennial-0123456789ab-1' };
  await openTrainingRun(database.db, attempt, 'process');
  const { sweep, cancelled, settled } = sweeper([{ ...job(model, attempt.key), delivery }]);
  expect((await sweep()).jobsReaped).toBe(1);
  expect([cancelled, settled]).toEqual([[attempt.key], [attempt.key]]);
  expect(await recordedOutcome(database.db, attempt.key)).toMatchObject({
    kind: 'failed',
    code: 143,
  });
});

test('closes the books of a training that lost its workflow and its job', async () => {
  const { model, delivery } = await newDelivery(database.db);
  const handle = await world.client.workflow.start('janitor', {
    workflowId: `train/${model}/${delivery}`,
    taskQueue: 'perennial-pipeline',
    args: [],
  });
  await handle.result();
  const attempt = { model, delivery, attempt: 1, key: 'perennial-0123456789ab-2' };
  await openTrainingRun(database.db, attempt, 'process');
  const { sweep, settled } = sweeper();
  expect((await sweep()).jobsReaped).toBe(0);
  expect(settled).toEqual([attempt.key]);
  expect(await recordedOutcome(database.db, attempt.key)).toMatchObject({ code: 143 });
});

test('removes what jobs left a week after their delivery was closed, and what killed workers left after a day', async () => {
  const { model, delivery } = await newDelivery(database.db);
  const workFolder = await temporaryFolder();
  await mkdir(join(workFolder, 'dataset-left'));
  const ended = { state: 'exited', code: 1, outOfMemory: false, startedAt, finishedAt: startedAt };
  const left = { ...job(model, 'failed', ended as ListedJob['status']), delivery };
  const inDays = (days: number) =>
    sweeper([left], { workFolder, now: new Date(Date.now() + days * 86_400_000) });
  const open = inDays(8);
  await mkdir(join(workFolder, 'dataset-fresh'));
  expect(await inDays(0).sweep()).toMatchObject({ jobsRemoved: 0, workFoldersRemoved: 0 });
  expect(await open.sweep()).toMatchObject({ jobsRemoved: 0, workFoldersRemoved: 2 });
  await database.db.execute(
    sql`UPDATE delivery SET outcome = 'failed', closed_at = now() WHERE model = ${model} AND number = ${delivery}`,
  );
  expect((await inDays(6).sweep()).jobsRemoved).toBe(0);
  const after = inDays(8);
  expect((await after.sweep()).jobsRemoved).toBe(1);
  expect(after.removed).toEqual(['failed']);
});

test('rolls back a release that its workflow left open, and reports models without a monitor', async () => {
  const { model, delivery } = await newDelivery(database.db);
  const handle = await world.client.workflow.start('janitor', {
    workflowId: `release/${model}`,
    taskQueue: 'perennial-pipeline',
    args: [],
  });
  await handle.result();
  await database.db.execute(
    sql`INSERT INTO release (run_id, model, version, champion, delivery, workflow_id, status, steps, requested_by)
        VALUES (${handle.firstExecutionRunId}, ${model}, 1, NULL, ${delivery}, ${`release/${model}`}, 'canary', '[]', 'alice')`,
  );
  await database.db.execute(
    sql`INSERT INTO approval (model, delivery, version, evidence, policy, requested_by, summary, standing, expires_at)
        VALUES (${model}, ${delivery}, 1, ${'e'.repeat(64)}, '{}', 'alice', '', 'approved', now())`,
  );
  await database.db.execute(
    sql`INSERT INTO alias (model, name, version) VALUES (${model}, 'champion', 1)`,
  );
  const { sweep, restored, closed } = sweeper();
  const result = await sweep();
  expect(result).toMatchObject({ routesRestored: 1, unwatched: [model] });
  expect(restored).toMatchObject([{ model, version: 1, champion: null }]);
  expect(closed).toMatchObject([{ model, outcome: 'rolled-back' }]);
});

test('closes a delivery that its workflow left open, and none whose chain of runs Temporal knows nothing of', async () => {
  const { model, delivery } = await newDelivery(database.db);
  const deliver = async () => {
    const options = { workflowId: `deliver/${model}`, taskQueue: 'perennial-pipeline', args: [] };
    const handle = await world.client.workflow.start('janitor', options);
    await handle.result();
    return handle.firstExecutionRunId;
  };
  const outcomeNow = async () => {
    const { rows } = await database.db.execute<{ outcome: string | null }>(
      sql`SELECT outcome FROM delivery WHERE model = ${model} AND number = ${delivery}`,
    );
    return rows[0]?.outcome;
  };
  await deliver();
  await sweeper().sweep();
  expect(await outcomeNow()).toBeNull();

  const runId = await deliver();
  await database.db.execute(
    sql`UPDATE delivery SET first_run_id = ${runId} WHERE model = ${model} AND number = ${delivery}`,
  );
  expect((await sweeper().sweep()).deliveriesClosed).toBe(1);
  expect(await outcomeNow()).toBe('failed');
  expect((await sweeper().sweep()).deliveriesClosed).toBe(0);
});

test('its Schedule is made once and kept up to date by every start of a worker', async () => {
  await ensureJanitor(world.client);
  await ensureJanitor(world.client);
  const { spec, action } = await world.client.schedule.getHandle('janitor').describe();
  expect(spec.intervals).toMatchObject([{ every: 300_000 }]);
  expect(action).toMatchObject({ workflowType: 'janitor' });
});

test('comes at once when it is called, and a call before its Schedule is there is no failure', async () => {
  const door = createJanitorDoor(world.client);
  await ensureJanitor(world.client);
  const schedule = world.client.schedule.getHandle('janitor');
  const sweeps = async () => (await schedule.describe()).info.numActionsTaken;
  const before = await sweeps();
  await door.call();
  await expect.poll(sweeps, { timeout: 10_000 }).toBe(before + 1);
  await schedule.delete();
  await expect(door.call()).resolves.toBeUndefined();
});
