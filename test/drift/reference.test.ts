import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { referenceProfile } from '../../contracts/window-counts.js';
import { equalMassEdges } from '../../drift/equal-mass-edges.js';
import { buildReferenceProfile } from '../../drift/reference.js';

describe('edges of equal mass', () => {
  test('make ten bins and two tails of one percent', () => {
    const edges = equalMassEdges(Float64Array.from({ length: 10_000 }, (_, row) => row));
    expect(edges).toHaveLength(11);
    expect(edges[0]).toBeCloseTo(99.5, 6);
    expect(edges[5]).toBeCloseTo(4_999.5, 6);
    expect(edges[10]).toBeCloseTo(9_899.5, 6);
  });

  test('lie between values, so that whole numbers moved by less than half a step stay in their bin', () => {
    const values = Float64Array.from({ length: 6_000 }, (_, row) => row % 24).toSorted();
    for (const edge of equalMassEdges(values)) expect(edge % 1).toBe(0.5);
  });

  test('give a value that many rows share a bin of its own', () => {
    const values = Float64Array.from({ length: 1_000 }, (_, row) =>
      row < 400 ? 0 : row,
    ).toSorted();
    expect(equalMassEdges(values)[0]).toBe(200);
  });

  test('ascend and never lie on a value', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 300 }), (some) => {
        const values = Float64Array.from(some).toSorted();
        const edges = equalMassEdges(values);
        for (const [index, edge] of edges.entries()) {
          expect(edge).toBeGreaterThan(edges[index - 1] ?? -Infinity);
          expect(values.includes(edge)).toBe(false);
        }
      }),
    );
  });
});

describe('a reference profile', () => {
  const rows = 3_000;
  const profile = buildReferenceProfile({
    features: [
      { name: 'hour', type: 'number' },
      { name: 'airport', type: 'category' },
    ],
    columns: {
      hour: Float32Array.from({ length: rows }, (_, row) => row % 24),
      airport: Array.from({ length: rows }, (_, row) => `A${(row * row) % 97}`),
    },
    scores: Float64Array.from({ length: rows }, (_, row) => 0.1 + (row % 8) / 10),
    labels: Uint8Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? 1 : 0)),
  });

  test('keeps its contract and counts every row once a feature', () => {
    expect(referenceProfile.parse(profile)).toEqual(profile);
    for (const { cells } of profile.counts)
      expect(cells.reduce((sum, each) => sum + each, 0)).toBe(rows);
  });

  test('keeps at most fifty categories and says how many rows had another one', () => {
    const airport = profile.features[1];
    if (airport?.type !== 'category') throw new Error('unreachable');
    expect(airport.values.length).toBeLessThanOrEqual(50);
    const beyond = new Set(airport.values);
    const others = Array.from({ length: rows }, (_, row) => `A${(row * row) % 97}`).filter(
      (value) => !beyond.has(value),
    );
    expect(profile.counts[1]?.cells.at(-1)).toBe(others.length);
  });

  test('has ten calibration bins whose means add up to the whole', () => {
    expect(profile.calibration).toHaveLength(10);
    const positives = profile.calibration.reduce((sum, bin) => sum + bin.rows * bin.observed, 0);
    expect(positives).toBeCloseTo(profile.positives, 6);
  });
});
