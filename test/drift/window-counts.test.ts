import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { windowCounts } from '../../contracts/window-counts.js';
import { buildReferenceProfile } from '../../drift/reference.js';
import {
  createValueCounter,
  createWindowCounter,
  mergeWindowCounts,
} from '../../drift/window-counts.js';

const features = [
  { name: 'distance', type: 'number' },
  { name: 'origin', type: 'category' },
] as const;

const reference = buildReferenceProfile({
  features,
  columns: {
    distance: Float32Array.from({ length: 1_000 }, (_, row) => row),
    origin: Array.from({ length: 1_000 }, (_, row) => ['ATL', 'DFW', 'SLC'][row % 3] ?? 'ATL'),
  },
  scores: Float64Array.from({ length: 1_000 }, (_, row) => (row + 0.5) / 1_000),
  labels: Uint8Array.from({ length: 1_000 }, (_, row) => (row % 10 < row / 100 ? 1 : 0)),
});

const answer = fc.record({
  values: fc.record({
    distance: fc.oneof(
      fc.double({ min: -10, max: 1_100, noNaN: true }),
      fc.constantFrom(null, NaN, Infinity),
    ),
    origin: fc.constantFrom('ATL', 'DFW', 'SLC', 'BOS', null),
  }),
  score: fc.double({ min: 0, max: 1, noNaN: true }),
  latencyMicros: fc.integer({ min: 0, max: 3_000_000 }),
});

describe('the counts of one window', () => {
  test('put each value in one cell, and missing and unseen ones in the last two', () => {
    const [distance, origin] = reference.features;
    if (!distance || !origin || distance.type !== 'number') throw new Error('unreachable');
    const cells = distance.edges.length + 3;
    const [distances, origins] = [createValueCounter(distance), createValueCounter(origin)];
    expect(distances.cellOf(-1e9)).toBe(0);
    expect(distances.cellOf(1e9)).toBe(cells - 3);
    expect(distances.cellOf(null)).toBe(cells - 2);
    expect(distances.cellOf(NaN)).toBe(cells - 1);
    expect(distances.cellOf('far')).toBe(cells - 1);
    expect(origins.cellOf('ATL')).toBe(0);
    expect(origins.cellOf(undefined)).toBe(3);
    expect(origins.cellOf('BOS')).toBe(4);
  });

  test('hold every answer exactly once, whatever is answered', () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 60 }), fc.nat(5), (answers, failures) => {
        const counter = createWindowCounter(reference);
        for (const each of answers) counter.countAnswer(each);
        for (let failed = 0; failed < failures; failed += 1) counter.countError(10);
        const counts = windowCounts.parse(counter.snapshot());
        const total = (cells: number[]): number => cells.reduce((sum, each) => sum + each, 0);
        expect(counts.requests).toBe(answers.length + failures);
        expect(counts.errors).toBe(failures);
        for (const cells of [counts.latency, ...counts.features.map((each) => each.cells)])
          expect(total(cells)).toBe(answers.length);
      }),
    );
  });

  test('add up to the same however the traffic was split over gateways', () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 40 }), fc.nat(40), (answers, at) => {
        const count = (some: typeof answers) => {
          const counter = createWindowCounter(reference);
          for (const each of some) counter.countAnswer(each);
          return counter.snapshot();
        };
        const merged = mergeWindowCounts(count(answers.slice(0, at)), count(answers.slice(at)));
        const whole = count(answers);
        expect(merged.latency).toEqual(whole.latency);
        expect(merged.features.map((each) => each.cells)).toEqual(
          whole.features.map((each) => each.cells),
        );
        expect(merged.features[0]?.sum).toBeCloseTo(whole.features[0]?.sum ?? 0, 6);
        expect(merged.score?.cells).toEqual(whole.score?.cells);
      }),
    );
  });

  test('of two versions are not added up', () => {
    const counts = createWindowCounter(reference).snapshot();
    expect(() => mergeWindowCounts(counts, { ...counts, features: [] })).toThrow(RangeError);
  });
});
