import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storeLabels } from '../../db/serving/label.js';
import { MarkMovedError, loadMark, storePredictions } from '../../db/serving/prediction.js';
import type { PredictionRow } from '../../db/serving/prediction-tuple.js';
import { prediction } from '../../db/schema/prediction.js';
import { storeWindowCounts } from '../../db/serving/window-count.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { encodePredictions } from './prediction-bytes.js';

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
