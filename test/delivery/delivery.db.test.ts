import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDeliveryActivities, type MonitorDoor } from '../../activities/delivery.js';
import type { PerennialError } from '../../contracts/errors.js';
import { retireModel } from '../../db/model/model.js';
import { loadDelivery } from '../../db/delivery/delivery.js';
import { openTrainingRun } from '../../db/training/training.js';
import { giveSpec } from '../support/given-model.js';
import { givenSpec } from '../support/given-spec.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

let database: FreshDatabase;
let janitorCalls = 0;
let told: Parameters<MonitorDoor['tell']>[] = [];
let activities: ReturnType<typeof createDeliveryActivities>;
beforeAll(async () => {
  database = await freshDatabase();
  activities = createDeliveryActivities({
    db: database.db,
    monitors: {
      async tell(...heard) {
        told.push(heard);
      },
    },
    janitor: { call: async () => void (janitorCalls += 1) },
  });
});
afterAll(() => database.close());

async function apply(model: string, training: object = {}, team = 'team') {
  const [approval, release] = [{ remindAfter: '2h' }, { steps: [0.1, 0.5] }];
  return giveSpec(database.db, givenSpec(model, { team, training, approval, release }));
}
const open = (model: string, firstRunId: string, change: object = {}) =>
  activities.openDelivery({
    model,
    requestedBy: 'alice',
    workflowId: `deliver/${model}`,
    firstRunId,
    ...change,
  });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(() => null).catch((error: unknown) => (error as PerennialError).code);

test('the plan of a training names its class of GPUs and its turn only where the spec does', async () => {
  await apply('plain');
  expect(Object.keys((await open('plain', 'plain-run')).training)).toEqual([
    'timeout',
    'maximumAttempts',
    'heartbeat',
  ]);
  await apply('urgent', { priority: 1, resources: { gpus: { class: 'a10', count: 2 } } });
  expect((await open('urgent', 'urgent-run')).training).toMatchObject({
    gpuClass: 'a10',
    turn: { priority: 1, team: 'team' },
  });
  await apply('lengthy', { priority: 5 }, 'ü'.repeat(64));
  const { turn } = (await open('lengthy', 'lengthy-run')).training;
  expect(Buffer.byteLength(turn?.team ?? '')).toBeLessThanOrEqual(64);
});

test('opening gives the next number, once for each chain of runs, with the lengths of time in milliseconds', async () => {
  const digest = await apply('numbers');
  const first = await open('numbers', 'run-1');
  expect(first).toMatchObject({
    delivery: 1,
    specDigest: digest,
    trigger: 'manual',
    requestedBy: 'alice',
  });
  expect(first.approval).toMatchObject({
    remindAfter: 7_200_000,
    expireAfter: 7_776_000_000,
    quorum: 1,
  });
  expect(first.release.steps).toEqual([
    { kind: 'staging' },
    { kind: 'canary', share: 0.1 },
    { kind: 'canary', share: 0.5 },
    { kind: 'promote' },
  ]);
  expect(await open('numbers', 'run-1')).toEqual(first);
  await activities.closeDelivery({
    model: 'numbers',
    delivery: 1,
    outcome: 'rejected',
    explanation: 'no',
  });
  expect((await open('numbers', 'run-2')).delivery).toBe(2);
});

test('a delivery keeps its spec when another one is applied while its opening is repeated', async () => {
  await apply('steady');
  const first = await open('steady', 'run');
  await database.db.execute(sql`INSERT INTO spec (digest, model, content, registered_by)
    SELECT 'later', model, content, registered_by FROM spec WHERE model = 'steady'`);
  await database.db.execute(sql`UPDATE model SET current_spec = 'later' WHERE name = 'steady'`);
  expect((await open('steady', 'run')).specDigest).toBe(first.specDigest);
});

test('a delivery that lost its workflow is closed when the next one opens', async () => {
  await apply('stale');
  await open('stale', 'lost');
  const next = await open('stale', 'found');
  expect(next.delivery).toBe(2);
  const closed = await loadDelivery(database.db, { model: 'stale', delivery: 1 });
  expect(closed).toMatchObject({
    outcome: 'failed',
    explanation: expect.stringContaining('lost') as string,
  });
});

test('what cannot be delivered is refused and changes nothing', async () => {
  await apply('refused');
  const digest = await apply('other');
  expect(await codeOf(open('unknown', 'r'))).toBe('MODEL_NOT_FOUND');
  expect(await codeOf(open('refused', 'r', { specDigest: digest }))).toBe('SPEC_NOT_FOUND');
  expect(await codeOf(open('refused', 'r', { specDigest: 'x' }))).toBe('INPUT_INVALID');
  expect(await codeOf(open('refused', 'r', { trigger: 'boredom' }))).toBe('INPUT_INVALID');
  expect(await codeOf(open('refused', 'r', { requestedBy: 'Alice B' }))).toBe('INPUT_INVALID');
  await retireModel(database.db, { name: 'refused', by: 'alice', reason: '', offAir: false });
  expect(await codeOf(open('refused', 'r'))).toBe('MODEL_RETIRED');
  const { rows } = await database.db.execute(sql`SELECT 1 FROM delivery WHERE model = 'refused'`);
  expect(rows).toEqual([]);
});

test('closing records the first outcome, tells outside once and the monitor each time', async () => {
  await apply('closing');
  await open('closing', 'run-of-closing');
  told = [];
  const close = { model: 'closing', delivery: 1 };
  await activities.closeDelivery({ ...close, outcome: 'gate-failed', explanation: 'roc_auc 0.5' });
  await activities.closeDelivery({ ...close, outcome: 'promoted', explanation: 'no, it was not' });
  expect(await loadDelivery(database.db, close)).toMatchObject({
    outcome: 'gate-failed',
    stage: 'done',
  });
  const { rows } = await database.db.execute(
    sql`SELECT 1 FROM outbox WHERE key = 'delivery.closed/closing/1'`,
  );
  expect(rows).toHaveLength(1);
  expect(told).toHaveLength(2);
  // Nobody is served yet, so no monitor is started for it.
  expect(told[0]).toEqual(['closing', { delivery: 1, outcome: 'gate-failed' }, null]);
});

test('a delivery that ends while an attempt to train is open calls the janitor', async () => {
  await apply('left');
  const { delivery } = await open('left', 'left-run');
  const attempt = { model: 'left', delivery, attempt: 1, key: 'perennial-0123456789ab-9' };
  await openTrainingRun(database.db, attempt, 'process');
  await apply('clean');
  const clean = await open('clean', 'clean-run');
  const end = { outcome: 'cancelled', explanation: 'enough' } as const;
  await activities.closeDelivery({ model: 'clean', delivery: clean.delivery, ...end });
  expect(janitorCalls).toBe(0);
  await activities.closeDelivery({ model: 'left', delivery, ...end });
  expect(janitorCalls).toBe(1);
});
