import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goldenPredictions } from '../../contracts/evaluation.js';
import { checkGolden, pickGolden } from '../../evaluation/golden.js';
import { openOnnxModel, type OnnxModel } from '../../evaluation/onnx-model.js';

const rows = 500;
const columns = {
  distance: Float32Array.from({ length: rows }, (_, row) => row * 3.7),
  hour: Float32Array.from({ length: rows }, (_, row) => row % 24),
  origin: Array.from({ length: rows }, (_, row) => ['ATL', 'ORD', 'DEN', 'SEA'][row % 4] ?? ''),
};

describe('golden predictions', () => {
  let model: OnnxModel;
  let scores: Float64Array;

  beforeAll(async () => {
    const path = fileURLToPath(new URL('./fixtures/champion.onnx', import.meta.url));
    model = await openOnnxModel({ path, threads: 1 });
    scores = Float64Array.from(await model.run(columns));
  });
  afterAll(() => model.close());

  it('are the same rows for the same seed, and survive JSON', () => {
    const golden = pickGolden(columns, scores, { count: 32, seed: 'a' });
    expect(golden.probabilities).toHaveLength(32);
    expect(pickGolden(columns, scores, { count: 32, seed: 'a' })).toEqual(golden);
    expect(pickGolden(columns, scores, { count: 32, seed: 'b' })).not.toEqual(golden);
    expect(goldenPredictions.parse(JSON.parse(JSON.stringify(golden)))).toEqual(golden);
  });

  it('write a missing number as null and leave rows with infinities out', () => {
    const gaps = { hour: Float32Array.of(Number.NaN, 1, Infinity) };
    const golden = pickGolden(gaps, Float64Array.of(0.1, 0.2, 0.3), { count: 9, seed: 'gaps' });
    expect(golden).toMatchObject({ inputs: { hour: [null, 1] }, probabilities: [0.1, 0.2] });
  });

  it('are answered alike by the model they came from, alone and in a batch', async () => {
    const golden = pickGolden(columns, scores, { count: 64, seed: 'same' });
    const result = await checkGolden(model, golden, 1e-5);
    expect(result).toMatchObject({ ok: true, compared: 64 });
    expect(result.largestDifference).toBeLessThan(1e-6);
  });

  it('show one changed answer with its difference', async () => {
    const golden = pickGolden(columns, scores, { count: 64, seed: 'one' });
    const changed = golden.probabilities.with(40, (golden.probabilities[40] ?? 0) + 0.01);
    const result = await checkGolden(model, { ...golden, probabilities: changed }, 1e-5);
    expect(result.ok).toBe(false);
    expect(result.largestDifference).toBeCloseTo(0.01, 6);
  });

  it('that are none at all are no proof', async () => {
    const golden = pickGolden(columns, scores, { count: 0, seed: 'none' });
    expect(await checkGolden(model, golden, 1e-5)).toMatchObject({ ok: false, compared: 0 });
  });
});
