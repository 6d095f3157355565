import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePairs, median, runPairs, type Measure } from '../../scripts/benchmarks/pairs.js';
import { comparedResult, limitedResult, skippedResult } from '../../scripts/benchmarks/result.js';

const measure = (cpu: number, wall = cpu, operations = 10): Measure => ({ cpu, wall, operations });
const pair = (ours: number, theirs: number) => ({ ours: measure(ours), theirs: measure(theirs) });
const question = { name: 'any', peer: 'peer 1', unit: 'ms', goal: 0.5 };

describe('pairs', () => {
  test('are measured in turn, ours first', async () => {
    const order: string[] = [];
    const side = (name: string) => () => {
      order.push(name);
      return Promise.resolve(measure(1));
    };
    const pairs = await runPairs(3, { ours: side('A'), theirs: side('B') });
    expect(order.join('')).toBe('ABABAB');
    expect(pairs).toHaveLength(3);
  });

  test('are compared by the median of their own ratios, not by the ratio of medians', () => {
    // A slow machine during the first pair, a quick one during the last.
    const { ratio, range, ours, theirs } = comparePairs([pair(8, 16), pair(1, 4), pair(1, 5)]);
    expect(ratio).toBeCloseTo(0.25, 12);
    expect(range.map((each) => each.toFixed(2))).toEqual(['0.20', '0.50']);
    expect([ours, theirs]).toEqual([100, 500]);
  });

  test('cost milliseconds an operation, by processor and by the clock apart', () => {
    const { ours, wall } = comparePairs([
      { ours: measure(2, 6, 1_000), theirs: measure(4, 3, 500) },
    ]);
    expect(ours).toBe(2);
    expect(wall).toEqual({ ours: 6, theirs: 6, ratio: 1 });
  });

  test('of nothing, or without cost, are refused', () => {
    expect(() => comparePairs([])).toThrow(RangeError);
    expect(() => comparePairs([pair(1, 0)])).toThrow(RangeError);
    expect(() => comparePairs([{ ours: measure(1, 1, 0), theirs: measure(1) }])).toThrow(
      RangeError,
    );
  });

  test('give one over the ratio when the sides are exchanged, for an odd number of them', () => {
    const cost = fc.double({ min: 0.01, max: 100, noNaN: true });
    const pairs = fc.array(fc.tuple(cost, cost), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(
        pairs.filter(({ length }) => length % 2 === 1),
        (costs) => {
          const there = comparePairs(costs.map(([a, b]) => pair(a, b)));
          const back = comparePairs(costs.map(([a, b]) => pair(b, a)));
          expect(there.ratio * back.ratio).toBeCloseTo(1, 9);
        },
      ),
    );
  });
});

test('a median lies between its neighbours in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(() => median([])).toThrow(RangeError);
});

describe('a result', () => {
  test('meets its goal up to and with the goal', () => {
    expect(comparedResult(question, [pair(1, 2)])).toMatchObject({
      ratio: 0.5,
      ok: true,
      pairs: 1,
    });
    expect(comparedResult(question, [pair(1.01, 2)]).ok).toBe(false);
    expect(limitedResult({ ...question, peer: null, goal: 100 }, 100)).toMatchObject({
      ours: 100,
      theirs: null,
      ratio: null,
      ok: true,
    });
  });

  test('that was skipped is neither met nor missed, and says why', () => {
    const skipped = skippedResult(question, 'no Python');
    expect(skipped).toMatchObject({ ratio: null, pairs: 0, ok: null, skipped: 'no Python' });
  });

  test('has the promised keys on its line of JSON', () => {
    const promised = ['name', 'peer', 'ours', 'theirs', 'ratio', 'unit', 'pairs', 'goal', 'ok'];
    for (const result of [
      comparedResult(question, [pair(1, 2)]),
      limitedResult(question, 1),
      skippedResult(question, 'why'),
    ])
      expect(Object.keys(JSON.parse(JSON.stringify(result)) as object)).toEqual(
        expect.arrayContaining(promised),
      );
  });
});
