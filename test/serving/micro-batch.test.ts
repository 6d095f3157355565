import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../evaluation/onnx-model.js';
import { answerGroup, groupItems } from '../../serving/micro-batch.js';

/** Answers each row with its number, and fails on negative ones: together or alone. */
const model: OnnxModel = {
  inputs: [
    { name: 'x', datatype: 'FP32', shape: [-1, 1] },
    { name: 'name', datatype: 'BYTES', shape: [-1, 1] },
  ],
  outputs: [],
  async run({ x, name }) {
    const numbers = x as Float32Array;
    if (numbers.length !== name?.length) throw new Error('columns differ');
    if (numbers.some((value) => value < 0)) throw new Error('negative');
    return Float32Array.from(numbers);
  },
  close: () => Promise.resolve(),
};

function item(...x: number[]) {
  return { rows: x.length, columns: { x: Float32Array.from(x), name: x.map(String) } };
}

describe('a micro-batch', () => {
  it('keeps order, splits no item and stays within its rows', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 })), (sizes) => {
        const items = sizes.map((rows) => ({ rows, columns: {} }));
        const groups = groupItems(items, 64);
        expect(groups.flat()).toEqual(items);
        for (const group of groups) {
          const rows = group.reduce((sum, each) => sum + each.rows, 0);
          expect(rows <= 64 || group.length === 1).toBe(true);
        }
      }),
    );
  });

  it('gives every item its own answers', async () => {
    expect(await answerGroup(model, [item(1, 2), item(3)])).toEqual([
      [{ score: 1 }, { score: 2 }],
      [{ score: 3 }],
    ]);
  });

  it('lets a bad row fail alone', async () => {
    expect(await answerGroup(model, [item(1), item(-2), item(3, -4)])).toEqual([
      [{ score: 1 }],
      [{ failure: 'negative' }],
      [{ score: 3 }, { failure: 'negative' }],
    ]);
  });
});
