import { readdir } from 'node:fs/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeLabels } from '../../db/serving/label.js';
import { MarkMovedError, loadMark, storePredictions } from '../../db/serving/prediction.js';
import type { PredictionRow } from '../../db/serving/prediction-tuple.js';
import { prediction } from '../../db/schema/prediction.js';
import { connectDatabase } from '../../db/connect.js';
import { setPriceBook } from '../../db/money/price-book.js';
import { readServingCost } from '../../db/money/serving-cost.js';
import { storeServingUsage } from '../../db/serving/usage.js';
import { storeWindowCounts } from '../../db/serving/window-count.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { startUsageLog, storeLeftUsage } from '../../serving/usage/log.js';
import { prices } from '../governance/prices.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { encodePredictions } from './prediction-bytes.js';
import { registerModel } from './served-model.js';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

function row(sequence: number, gateway: string): PredictionRow {
  return {
    model: 'flight-delay',
    id: `${gateway}/${sequence}`,
    gateway,
    epoch: 1_700_000_000_000,
    sequence,
    version: 2,
    role: 'canary',
    revision: 7,
    entity: 'Straße 9 ✈',
    eventTime: Date.UTC(2001, 1, 3, 4, 5, 6, 789),
    receivedAt: Date.UTC(2026, 0, 1),
    latencyMicros: 187,
    score: sequence % 2 === 0 ? null : 0.25,
    error: sequence % 2 === 0 ? 'no such airport' : null,
    inputs: { distance: 500.5, origin: 'ATL', hour: null },
  };
}

async function* once(bytes: Buffer): AsyncIterable<Buffer> {
  yield bytes;
}

async function storedOf(gateway: string) {
  return database.db
    .select()
    .from(prediction)
    .where(sql`gateway = ${gateway}`)
    .orderBy(prediction.sequence);
}

describe('predictions in the database', () => {
  it('are what was encoded, to the last column', async () => {
    const rows = [row(1, 'exact'), row(2, 'exact')];
    await storePredictions(database.pool, {
      tuples: once(encodePredictions(rows)),
      mark: { gateway: 'exact', epoch: rows[0]?.epoch ?? 0, sequence: 2, dropped: 0 },
      expected: 0,
      windowCounts: [],
    });
    const stored = await storedOf('exact');
    expect(
      stored.map(({ eventTime, receivedAt, ...rest }) => ({
        ...rest,
        eventTime: eventTime.getTime(),
        receivedAt: receivedAt.getTime(),
      })),
    ).toEqual(rows);
  });

  it('are stored once, however often the same stretch is tried', async () => {
    const key = { gateway: 'twice', epoch: row(1, 'twice').epoch };
    const store = (): Promise<void> =>
      storePredictions(database.pool, {
        tuples: once(encodePredictions([row(1, 'twice')])),
        mark: { ...key, sequence: 1, dropped: 3 },
        expected: 0,
        windowCounts: [],
      });
    await store();
    await expect(store()).rejects.toBeInstanceOf(MarkMovedError);
    const tries = await Promise.allSettled([store(), store()]);
    expect(tries.every(({ status }) => status === 'rejected')).toBe(true);
    expect(await storedOf('twice')).toHaveLength(1);
    expect(await loadMark(database.db, key)).toEqual({ ...key, sequence: 1, dropped: 3 });
  });

  it('leave neither rows nor mark when the bytes are broken', async () => {
    const key = { gateway: 'broken', epoch: 1 };
    const cut = encodePredictions([row(1, 'broken')]).subarray(0, 40);
    await expect(
      storePredictions(database.pool, {
        tuples: once(cut),
        mark: { ...key, sequence: 1, dropped: 0 },
        expected: 0,
        windowCounts: [],
      }),
    ).rejects.toThrow(/COPY|unexpected EOF/);
    expect(await storedOf('broken')).toEqual([]);
    expect((await loadMark(database.db, key)).sequence).toBe(0);
  });
});

describe('labels', () => {
  it('stand once given: the same id again is a duplicate', async () => {
    const labels = [
      { id: 'a', label: 1 as const, eventTime: '2001-02-03T04:05:06Z' },
      { id: 'b', label: 0 as const },
      { id: 'a', label: 0 as const },
    ];
    expect(await storeLabels(database.db, 'labelled', { labels })).toEqual({
      stored: 2,
      duplicates: 1,
    });
    expect(await storeLabels(database.db, 'labelled', { labels })).toEqual({
      stored: 0,
      duplicates: 3,
    });
    const { rows } = await database.db.execute(
      sql`SELECT id, label FROM label WHERE model = 'labelled' ORDER BY id`,
    );
    expect(rows).toEqual([
      { id: 'a', label: 1 },
      { id: 'b', label: 0 },
    ]);
  });
});

describe('window counts', () => {
  it('replace their smaller selves and never their larger ones', async () => {
    const write = (requests: number): Promise<void> =>
      storeWindowCounts(database.db, [
        {
          model: 'counted',
          version: 1,
          role: 'champion',
          revision: 1,
          windowStart: new Date(0),
          gateway: 'g',
          epoch: 1,
          counts: { requests, errors: 0, latency: [], features: [], score: null },
        },
      ]);
    for (const requests of [5, 9, 9, 3]) await write(requests);
    const { rows } = await database.db.execute(
      sql`SELECT counts->'requests' AS requests FROM window_count WHERE model = 'counted'`,
    );
    expect(rows).toEqual([{ requests: 9 }]);
  });
});

describe('what serving used', () => {
  const model = 'metered';
  beforeAll(async () => {
    await setPriceBook(database.db, { content: prices, by: 'ann' });
    const files = ['champion.onnx', 'worse.onnx'];
    await registerModel(database.db, await temporaryArtifacts(), { model, files });
  });
  const used = (seconds: number, version = 1) => ({
    model,
    version,
    month: '2026-03-01',
    priceBook: 1,
    gateway: 'g',
    epoch: 1,
    predictions: seconds,
    processorMicros: seconds * 1e6,
    mebibyteMillis: seconds,
    amount: seconds * 1_000,
    millijoules: seconds,
    micrograms: seconds,
  });
  const cost = async () => (await readServingCost(database.db, model)).get(1);

  it('counts once however often it is sent, also when an older sum comes last', async () => {
    const { db } = database;
    await Promise.all([1, 2, 3].map(() => storeServingUsage(db, [used(4), used(1, 2)])));
    await storeServingUsage(db, [used(9)]);
    await storeServingUsage(db, [used(4)]);
    expect(await cost()).toMatchObject({ amount: 9_000, processorSeconds: 9, predictions: 9 });
    // Another run of the gateway adds its own.
    await storeServingUsage(db, [{ ...used(2), epoch: 2 }]);
    expect(await cost()).toMatchObject({ amount: 11_000 });
    await expect(
      db.execute(sql`UPDATE serving_usage SET amount = amount - 1`),
    ).rejects.toMatchObject({
      cause: { message: expect.stringContaining('only grows') as string },
    });
    await expect(db.execute(sql`DELETE FROM serving_usage`)).rejects.toMatchObject({
      cause: { message: expect.stringContaining('never changed or deleted') as string },
    });
  });

  it('of a gateway that is killed while the database is away waits beside its journal for the next start', async () => {
    const before = (await cost())?.processorSeconds ?? 0;
    const folder = await temporaryFolder();
    const home = { gateway: 'killed', epoch: 7, folder, leave: async () => {} };
    const connection = connectDatabase({ url: database.url, log: silentLog, max: 2 });
    let taken = 0;
    const meter = {
      add: () => {},
      take: () => {
        taken += 1;
        return [{ model, version: 1, predictions: 1, processorMicros: 1e6, mebibyteMillis: 0 }];
      },
    };
    const usage = startUsageLog({
      db: connection.db,
      log: silentLog,
      clock: systemClock,
      home,
      meter,
      ready: () => [],
      every: 10,
    });
    await expect.poll(cost).toMatchObject({ processorSeconds: expect.any(Number) as number });
    await expect.poll(async () => (await cost())?.processorSeconds).toBeGreaterThan(before);
    await connection.close();
    const whenAway = taken;
    await expect.poll(() => taken).toBeGreaterThan(whenAway + 3);
    await usage.close();
    expect((await cost())?.processorSeconds).toBeLessThan(before + taken);

    const left = { db: database.db, log: silentLog, home: { ...home, epoch: 8 } };
    await storeLeftUsage(left);
    await storeLeftUsage(left);
    expect(await cost()).toMatchObject({ processorSeconds: before + taken });
    expect(await readdir(folder)).toEqual([]);
  });
});
