import { Client, Connection } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../../api/app.js';
import { createPerennial, type Perennial } from '../../client/index.js';
import { readGpuUsage, recordGpuSamples } from '../../db/gpu/sample.js';
import { issueProgressToken, recordProgress } from '../../db/training/progress.js';
import { openTrainingRun, recordLog, recordOutcome } from '../../db/training/training.js';
import { silentLog } from '../../runtime/log.js';
import { temporaryArtifacts } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { givenTraining } from './given.js';

describe('A training as people see it', () => {
  let fresh: FreshDatabase;
  let connection: Connection;
  let api: ReturnType<typeof createApi>;
  let perennial: Perennial;

  beforeAll(async () => {
    fresh = await freshDatabase();
    connection = Connection.lazy({ address: '127.0.0.1:1' });
    const engine = { client: new Client({ connection }), patience: 100 };
    api = createApi({ db: fresh.db, engine, log: silentLog, token: 'of-the-api'.padEnd(40, '.') });
    const fetch: typeof globalThis.fetch = async (input, init) => api.request(input, init);
    const token = 'of-the-api'.padEnd(40, '.');
    perennial = createPerennial({ url: 'http://perennial.test', fetch, token });
  });
  afterAll(async () => {
    await connection.close();
    await fresh.close();
  });

  const open = async (training: { replicas?: number } = {}) => {
    const artifacts = await temporaryArtifacts();
    const input = await givenTraining({ db: fresh.db, artifacts }, 'succeed', training);
    await openTrainingRun(fresh.db, input, 'process');
    return input;
  };
  /** As Hugging Face's KubeflowCallback sends it. */
  const report = (key: string, token: string | null, trainerStatus: unknown) =>
    api.request(`/api/v1/trainings/${key}/progress`, {
      method: 'POST',
      body: JSON.stringify({ trainerStatus }),
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    });
  const firstAttempt = async (model: string) => {
    const { attempts } = await perennial.showTraining(model, 1);
    const [first] = attempts;
    if (!first) throw new Error('no attempt');
    return first;
  };

  test('has a short curve whole, and where the attempt stands', async () => {
    const { model, key } = await open();
    const lines = [1, 2, 3].map((step) => ({ step, total: 9, metrics: { loss: 1 / step } }));
    await recordProgress(fresh.db, key, lines);
    await recordProgress(fresh.db, key, lines.slice(0, 1));
    expect(await firstAttempt(model)).toMatchObject({
      attempt: 1,
      key,
      backend: 'process',
      outcome: null,
      endedAt: null,
      progress: { step: 3, total: 9, message: '', remainingSeconds: null },
      curves: [{ name: 'loss', points: lines.map(({ step }) => ({ step, value: 1 / step })) }],
      gpus: [],
    });
  });

  test('stands in its delivery by its own word, and with why the attempt before it ended', async () => {
    const input = await open();
    const training = async () => (await perennial.showDelivery(input.model, 1)).training;
    // Before any worker has looked at it: what it waits for is told by this stage.
    expect((await perennial.showDelivery(input.model, 1)).delivery.stage).toBe('train');
    expect(await training()).toMatchObject({ attempt: 1, retried: null, step: null, total: null });
    await recordProgress(fresh.db, input.key, [{ step: 7, total: 9, metrics: {} }]);
    expect(await training()).toMatchObject({ attempt: 1, step: 7, total: 9, metrics: {} });
    await recordOutcome(fresh.db, input, { kind: 'retry', code: 1, reason: 'No such column.' });
    const next = { ...input, attempt: 2, key: `${input.key}-2` };
    await openTrainingRun(fresh.db, next, 'process');
    expect(await training()).toMatchObject({ attempt: 2, retried: 'No such column.', step: null });
  });

  test('thins a long curve to 500 points and loses neither its ends nor its extremes', async () => {
    const { model, key } = await open();
    await fresh.db.execute(sql`INSERT INTO metric (key, name, step, value)
      SELECT ${key}, 'loss', step, CASE step WHEN 7777 THEN 900 WHEN 3333 THEN -900 ELSE sin(step / 100.0) END
      FROM generate_series(0, 19999) AS step`);
    await fresh.db.execute(sql`INSERT INTO metric (key, name, step, value)
      SELECT ${key}, 'auc', step, step FROM generate_series(1, 500) AS step`);
    await fresh.db.execute(
      sql`INSERT INTO metric (key, name, step, value) VALUES (${key}, 'auc', 501, 'NaN')`,
    );
    const { curves } = await firstAttempt(model);
    const [auc, loss] = curves;
    expect(auc?.points).toHaveLength(500);
    const points = loss?.points ?? [];
    expect(points.length).toBeLessThanOrEqual(500);
    expect(points.length).toBeGreaterThan(400);
    expect([points[0]?.step, points.at(-1)?.step]).toEqual([0, 19_999]);
    expect(points).toContainEqual({ step: 7_777, value: 900 });
    expect(points).toContainEqual({ step: 3_333, value: -900 });
    const steps = points.map(({ step }) => step);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
  });

  test('is told by the trainer itself, with the token of its attempt and no other', async () => {
    const { model, key } = await open();
    const other = await open();
    const token = await issueProgressToken(fresh.db, key);
    const status = {
      lastUpdatedTime: new Date().toISOString(),
      progressPercentage: 40,
      estimatedRemainingSeconds: 60,
      metrics: [
        { name: 'loss', value: '0.5' },
        { name: 'current_step', value: '4' },
        { name: 'total_steps', value: '10' },
      ],
    };
    for (const wrong of [null, 'of-the-api'.padEnd(40, '.'), `${token}x`]) {
      const refused = await report(key, wrong, status);
      expect([refused.status, await refused.json()]).toMatchObject([
        401,
        { code: 'UNAUTHENTICATED' },
      ]);
    }
    expect((await report(other.key, token, status)).status).toBe(401);

    for (let time = 0; time < 2; time++) {
      const taken = await report(key, token, status);
      expect([taken.status, await taken.json()]).toEqual([200, { step: 4, total: 10 }]);
    }
    const end = { progressPercentage: 100, metrics: [{ name: 'train_loss', value: '0.3' }] };
    expect(await (await report(key, token, end)).json()).toEqual({ step: 10, total: 10 });
    expect((await firstAttempt(model)).curves).toEqual([
      { name: 'loss', points: [{ step: 4, value: 0.5 }] },
      { name: 'train_loss', points: [{ step: 10, value: 0.3 }] },
    ]);

    const { rows } = await fresh.db.execute(sql`SELECT hash FROM progress_token`);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  test('hears nothing more from an attempt that has ended', async () => {
    const input = await open();
    const token = await issueProgressToken(fresh.db, input.key);
    await recordOutcome(fresh.db, input, { kind: 'failed', code: 65, reason: 'No rows.' });
    expect((await report(input.key, token, { progressPercentage: 1 })).status).toBe(401);
    expect(await firstAttempt(input.model)).toMatchObject({
      outcome: { kind: 'failed', code: 65, reason: 'No rows.' },
      progress: null,
    });
  });

  test.each([
    ['a share that is none', { progressPercentage: 101 }],
    ['a number of metrics nobody reads', { metrics: Array(201).fill({ name: 'a', value: '1' }) }],
    ['no status', undefined],
  ])('refuses %s', async (_, status) => {
    const { key } = await open();
    const token = await issueProgressToken(fresh.db, key);
    const refused = await report(key, token, status);
    expect([refused.status, await refused.json()]).toMatchObject([422, { code: 'INPUT_INVALID' }]);
  });

  test('counts the energy of its GPUs once, however many looked, and none for a gap', async () => {
    const { model, key } = await open();
    const gpu = { device: 'GPU-1', name: 'H100', memoryTotalMib: 80_000 };
    const look = (second: number, watts: number | null, utilisation: number | null) =>
      recordGpuSamples(fresh.db, key, new Date(Date.UTC(2026, 0, 1) + second * 1_000), [
        { ...gpu, watts, utilisation, memoryMib: 100 * second },
      ]);
    for (const [second, watts] of [
      [0, 100],
      [10, 300],
      [10, 900],
      [20, 100],
      // Nobody looked for ten minutes.
      [620, 100],
      [630, 200],
    ] as const)
      await look(second, watts, 50);
    await recordGpuSamples(fresh.db, key, new Date(), []);
    const [usage] = (await readGpuUsage(fresh.db, model, 1)).get(key) ?? [];
    expect(usage).toMatchObject({
      device: 'GPU-1',
      name: 'H100',
      samples: 5,
      utilisation: 50,
      memoryPeakMib: 63_000,
      memoryTotalMib: 80_000,
      watts: 200,
      joules: 2_000 + 2_000 + 1_500,
    });
    expect((await firstAttempt(model)).gpus).toEqual([usage]);
  });

  test('says nothing of energy where the driver does not', async () => {
    const { model, key } = await open();
    const silent = { device: 'GPU-1', name: 'T4', utilisation: null, memoryMib: null };
    for (const second of [0, 10])
      await recordGpuSamples(fresh.db, key, new Date(second * 1_000), [
        { ...silent, memoryTotalMib: null, watts: null },
      ]);
    expect((await firstAttempt(model)).gpus).toMatchObject([{ utilisation: null, joules: null }]);
  });

  test('gives its log from an instant on, and of one attempt', async () => {
    const input = await open();
    await openTrainingRun(
      fresh.db,
      { ...input, attempt: 2, key: input.key.replace(/-1$/, '-2') },
      'process',
    );
    await recordLog(fresh.db, input.key, [{ rank: 0, offset: 0, line: 'first' }]);
    await recordLog(fresh.db, input.key.replace(/-1$/, '-2'), [
      { rank: 0, offset: 0, line: 'second' },
    ]);
    await fresh.db.execute(
      sql`UPDATE training_log SET at = now() - interval '1 hour' WHERE line = 'first' AND key = ${input.key}`,
    );
    const lines = async (query: { from?: string; attempt?: number }) =>
      (await perennial.logs(input.model, 1, query)).lines.map(({ line }) => line);
    expect(await lines({})).toEqual(['first', 'second']);
    const [alone] = (await perennial.logs(input.model, 1)).lines;
    expect(alone).toMatchObject({ attempt: 1, rank: null, offset: 0 });
    expect(await lines({ attempt: 1 })).toEqual(['first']);
    expect(await lines({ from: new Date(Date.now() - 600_000).toISOString() })).toEqual(['second']);
    expect((await perennial.logs(input.model, 1)).complete).toBe(false);
    await fresh.db.execute(
      sql`UPDATE delivery SET stage = 'evaluate' WHERE model = ${input.model}`,
    );
    expect((await perennial.logs(input.model, 1)).complete).toBe(true);
  });

  test('gives the lines of every replica once, page by page, while they speak on', async () => {
    const { model, key } = await open({ replicas: 3 });
    const say = (...places: [rank: number, offset: number][]) =>
      recordLog(
        fresh.db,
        key,
        places.map(([rank, offset]) => ({ rank, offset, line: `${rank}/${offset}` })),
      );
    await say([0, 0], [0, 4], [2, 0]);
    const first = await perennial.logs(model, 1, { limit: 2 });
    expect(first.lines).toMatchObject([
      { rank: 0, offset: 0, line: '0/0' },
      { rank: 0, offset: 4, line: '0/4' },
    ]);
    expect(first.next).toBe('1:4');
    // The first one to speak goes on, and one that said nothing yet begins, with a clock that was set back in between.
    await say([0, 8], [1, 0], [2, 4]);
    await fresh.db.execute(
      sql`UPDATE training_log SET at = now() - interval '1 hour' WHERE key = ${key} AND line IN ('0/8', '2/4')`,
    );
    const rest: string[] = [];
    let { next } = first;
    for (;;) {
      const page = await perennial.logs(model, 1, { since: next, limit: 1 });
      if (page.lines.length === 0) break;
      rest.push(...page.lines.map(({ line }) => line));
      next = page.next;
    }
    expect(rest).toEqual(['0/8', '2/0', '2/4', '1/0']);
    expect(next).toBe('1:8,0,4');
    await say([0, 0], [1, 0], [2, 4]);
    expect((await perennial.logs(model, 1, { since: next })).lines).toEqual([]);
    const again = (await perennial.logs(model, 1)).lines.map(({ line }) => line);
    expect(again).toHaveLength(6);
    const second = await perennial.logs(model, 1, { rank: 2, limit: 1 });
    expect(second).toMatchObject({ lines: [{ rank: 2, line: '2/0' }], next: '1:,,0' });
    const third = await perennial.logs(model, 1, { rank: 2, since: second.next });
    expect(third.lines).toMatchObject([{ rank: 2, line: '2/4' }]);
  });

  test('of a delivery that is not there is an error with its code', async () => {
    await expect(perennial.showTraining('nobody', 1)).rejects.toMatchObject({
      code: 'DELIVERY_NOT_FOUND',
    });
  });
});
