import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOnnxModel, type OnnxModel } from '../../evaluation/onnx-model.js';

const fixture = (name: string): string =>
  fileURLToPath(new URL(`./fixtures/${name}.onnx`, import.meta.url));
const features = [
  { name: 'distance', type: 'number' },
  { name: 'hour', type: 'number' },
  { name: 'origin', type: 'category' },
] as const;

/** What make-onnx.py built: sigmoid of the weighted sum. */
const byHand = (distance: number, hour: number, effect: number): number =>
  1 / (1 + Math.exp(-(0.0003 * distance + 0.05 * hour + effect - 2.2)));

describe('openOnnxModel', () => {
  let folder: string;
  const open: OnnxModel[] = [];
  const load = async (name: string): Promise<OnnxModel> => {
    const model = await openOnnxModel({ path: fixture(name), threads: 1, features });
    open.push(model);
    return model;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-onnx-'));
  });
  afterAll(async () => {
    await Promise.all(open.map((model) => model.close()));
    await rm(folder, { recursive: true });
  });

  it('tells the names, types and shapes of a model', async () => {
    const model = await load('champion');
    expect(model.inputs).toEqual([
      { name: 'distance', datatype: 'FP32', shape: [-1, 1] },
      { name: 'hour', datatype: 'FP32', shape: [-1, 1] },
      { name: 'origin', datatype: 'BYTES', shape: [-1, 1] },
    ]);
    expect(model.outputs).toEqual([{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }]);
  });

  it('answers with the probabilities that the formula gives, row by row as in a batch', async () => {
    const model = await load('champion');
    const batch = await model.run({
      distance: Float32Array.of(500, 1_200, 80),
      hour: Float32Array.of(12, 23, 5),
      origin: ['ATL', 'ORD', 'never seen'],
    });
    [byHand(500, 12, 0.4), byHand(1_200, 23, 0.8), byHand(80, 5, 0)].forEach((expected, row) =>
      expect(batch[row]).toBeCloseTo(expected, 6),
    );
    const [alone] = await model.run({
      distance: Float32Array.of(1_200),
      hour: Float32Array.of(23),
      origin: ['ORD'],
    });
    expect(alone).toBe(batch[1]);
  });

  it('reads views into larger arrays from their own start', async () => {
    const model = await load('champion');
    const distance = Float32Array.of(9, 9, 500).subarray(2);
    const [score] = await model.run({ distance, hour: Float32Array.of(12), origin: ['ATL'] });
    expect(score).toBeCloseTo(byHand(500, 12, 0.4), 6);
  });

  it('answers no rows with no rows', async () => {
    const model = await load('champion');
    const columns = { distance: new Float32Array(), hour: new Float32Array(), origin: [] };
    expect(await model.run(columns)).toHaveLength(0);
  });

  it('refuses a file that is not ONNX, is cut off, or is not there, without naming where it lies', async () => {
    const whole = await readFile(fixture('champion'));
    await writeFile(join(folder, 'text.onnx'), 'not a model');
    await writeFile(join(folder, 'half.onnx'), whole.subarray(0, 300));
    await writeFile(join(folder, 'empty.onnx'), '');
    for (const name of ['text', 'half', 'empty', 'missing']) {
      const error: unknown = await openOnnxModel({
        path: join(folder, `${name}.onnx`),
        threads: 1,
      }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ONNX_INVALID' });
      expect((error as Error).message).not.toContain(folder);
    }
  });

  it('refuses a model whose inputs differ from the features and names both', async () => {
    const wrong = [...features.slice(0, 2), { name: 'carrier', type: 'category' as const }];
    await expect(
      openOnnxModel({ path: fixture('champion'), threads: 1, features: wrong }),
    ).rejects.toMatchObject({
      code: 'ONNX_INVALID',
      message:
        'The inputs of the model are distance FP32, hour FP32, origin BYTES; the features of the spec are carrier BYTES, distance FP32, hour FP32.',
    });
  });

  it('refuses a model without the output probability', async () => {
    await expect(
      openOnnxModel({ path: fixture('other-output'), threads: 1 }),
    ).rejects.toMatchObject({
      code: 'ONNX_INVALID',
      message: expect.stringContaining('score') as string,
    });
  });

  it('fails where the model cannot answer or answers with something else than a probability', async () => {
    const row = { distance: Float32Array.of(5_000), hour: Float32Array.of(12), origin: ['XXX'] };
    const strict = await load('unseen-error');
    await expect(strict.run(row)).rejects.toMatchObject({ code: 'MODEL_FAILED' });
    expect(await strict.run({ ...row, origin: ['ATL'] })).toHaveLength(1);
    const wild = await load('not-a-probability');
    await expect(wild.run(row)).rejects.toMatchObject({ code: 'MODEL_FAILED' });
    const model = await load('champion');
    await expect(model.run({ ...row, hour: Float32Array.of(Number.NaN) })).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining('NaN') as string,
    });
  });

  it('names the column that is missing, of another length or of another type', async () => {
    const model = await load('champion');
    const row = { distance: Float32Array.of(1), hour: Float32Array.of(1), origin: ['ATL'] };
    const { origin: _, ...without } = row;
    await expect(model.run(without)).rejects.toThrow("asks for 'origin'");
    await expect(model.run({ ...row, hour: Float32Array.of(1, 2) })).rejects.toThrow("'hour'");
    await expect(model.run({ ...row, origin: Float32Array.of(1) })).rejects.toThrow("'origin'");
  });
});
