import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOnnxModel } from '../../evaluation/onnx-model.js';
import type { ScoredFeature } from '../../evaluation/score-protocol.js';
import { scoreHoldout } from '../../evaluation/score.js';
import { writeParquet } from '../support/parquet.js';

const rows = 70_000;
const features: ScoredFeature[] = [
  { name: 'distance', type: 'number' },
  { name: 'hour', type: 'number' },
  { name: 'origin', type: 'category' },
];
const model = (name: string) => ({
  path: fileURLToPath(new URL(`./fixtures/${name}.onnx`, import.meta.url)),
  features,
});

describe('scoreHoldout', () => {
  let folder: string;
  let data: string;
  let withGaps: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-score-'));
    data = join(folder, 'holdout.parquet');
    withGaps = join(folder, 'gaps.parquet');
    const select = (distance: string, count: number): string =>
      `SELECT 'flight ' || i AS entity, TIMESTAMP '2001-01-01' + to_seconds(i) AS event_time, ${distance} AS distance,
         (i % 24)::INTEGER AS hour, ['ATL', 'ORD', 'DEN', 'SEA'][1 + i % 4] AS origin, (i % 5 = 0) AS label
       FROM range(${count}) rows(i)`;
    await writeParquet(data, select('i % 3000', rows));
    await writeParquet(withGaps, select('nullif(i, 7)', 10));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('answers every row with both models, in the order of the file, while the main thread stays free', async () => {
    let ticks = 0;
    const ticking = setInterval(() => (ticks += 1), 5);
    const seen: number[] = [];
    const scored = await scoreHoldout({
      data,
      features,
      models: [model('challenger'), model('champion')],
      onProgress: (done) => seen.push(done),
    });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThan(3);
    expect(seen.at(-1)).toBe(rows);
    expect(scored.total).toBe(rows);
    expect(scored.labels.slice(0, 6)).toEqual(Uint8Array.of(1, 0, 0, 0, 0, 1));
    expect(scored.scores.map(({ length }) => length)).toEqual([rows, rows]);
    const last = {
      distance: Float32Array.of((rows - 1) % 3_000),
      hour: Float32Array.of((rows - 1) % 24),
      origin: [['ATL', 'ORD', 'DEN', 'SEA'][(rows - 1) % 4] ?? ''],
    };
    const champion = await openOnnxModel({ ...model('champion'), threads: 1 });
    const [expected] = await champion.run(last);
    await champion.close();
    expect(scored.scores[1]?.at(-1)).toBe(expected);
  });

  it('takes the same part of a file over the limit every time', async () => {
    const take = () =>
      scoreHoldout({ data, features, models: [model('champion')], maximumRows: 5_000 });
    const [first, second] = [await take(), await take()];
    expect(first.total).toBe(rows);
    expect(Math.abs(first.labels.length - 5_000)).toBeLessThan(500);
    expect(second).toEqual(first);
  });

  it('hands missing numbers to the model as NaN and reports what it makes of them', async () => {
    await expect(
      scoreHoldout({ data: withGaps, features, models: [model('champion')] }),
    ).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining('NaN') as string,
    });
  });

  it('passes a refusal of the model on with its code', async () => {
    await expect(
      scoreHoldout({ data, features, models: [model('other-output')] }),
    ).rejects.toMatchObject({ code: 'ONNX_INVALID' });
  });

  it('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    const scoring = scoreHoldout({
      data,
      features,
      models: [model('champion')],
      signal: controller.signal,
    });
    controller.abort(new Error('cancelled'));
    await expect(scoring).rejects.toThrow('cancelled');
  });
});
