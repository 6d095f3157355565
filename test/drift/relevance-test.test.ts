import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adjustByBenjaminiHochberg } from '../../drift/benjamini-hochberg.js';
import { combineByCauchy } from '../../drift/cauchy-combination.js';
import { kolmogorovSf } from '../../drift/kolmogorov.js';
import { lowerNoncentrality, noncentralChiSquareSf } from '../../drift/noncentral-chi-square.js';
import { populationStability } from '../../drift/psi.js';
import { testRelevance, type RelevanceResult } from '../../drift/relevance-test.js';
import { severityOf } from '../../drift/severity.js';
import { randomFrom } from '../../statistics/random.js';
import { chiSquareSf, normalSf } from '../../statistics/special.js';
import { countRows, drawRows, referenceOf, type Shift } from './traffic.js';

describe('distributions', () => {
  test('noncentral chi-square of one degree is a shifted normal, squared', () => {
    for (const [x, noncentrality] of [
      [1, 1],
      [10, 3],
      [40, 9],
      [2, 50],
    ] as const) {
      const [root, shift] = [Math.sqrt(x), Math.sqrt(noncentrality)];
      const exact = normalSf(root - shift) + normalSf(root + shift);
      expect(noncentralChiSquareSf(x, 1, noncentrality) / exact).toBeCloseTo(1, 10);
    }
    expect(noncentralChiSquareSf(5, 2, 0)).toBe(chiSquareSf(5, 2));
    expect(noncentralChiSquareSf(0, 3, 2)).toBe(1);
  });

  test('noncentral chi-square has the mean that it must: degrees plus noncentrality', () => {
    let mean = 0;
    for (let x = 0.05; x < 160; x += 0.1) mean += 0.1 * noncentralChiSquareSf(x, 5, 30);
    expect(mean).toBeCloseTo(35, 3);
  });

  test('the lower bound of the noncentrality turns the tail round', () => {
    const lower = lowerNoncentrality(60, 9, 0.05);
    expect(noncentralChiSquareSf(60, 9, lower)).toBeCloseTo(0.05, 6);
    expect(lowerNoncentrality(5, 9, 0.05)).toBe(0);
  });

  test('Kolmogorov agrees with published values on both sides of one', () => {
    expect(kolmogorovSf(1.3581)).toBeCloseTo(0.05, 4);
    expect(kolmogorovSf(1.6276)).toBeCloseTo(0.01, 4);
    expect(kolmogorovSf(0.5712)).toBeCloseTo(0.9, 3);
    expect(kolmogorovSf(1 - 1e-9)).toBeCloseTo(kolmogorovSf(1), 8);
  });

  test('Cauchy’s combination keeps equal p-values and heeds one tiny one', () => {
    expect(combineByCauchy([0.2, 0.2, 0.2])).toBeCloseTo(0.2, 12);
    expect(combineByCauchy([1e-40, 0.5, 0.9])).toBeCloseTo(3e-40, 45);
    expect(combineByCauchy([])).toBe(1);
  });

  test('Benjamini-Hochberg agrees with the worked example of its authors', () => {
    const p = [
      0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719,
      0.6528, 0.759, 1,
    ];
    const adjusted = adjustByBenjaminiHochberg(p);
    expect(adjusted.filter((each) => each <= 0.05)).toHaveLength(4);
    expect(adjusted[3]).toBeCloseTo(0.035625, 12);
  });

  test('Benjamini-Hochberg never lowers a p-value nor changes the order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (p) => {
        const adjusted = adjustByBenjaminiHochberg(p);
        for (const [index, each] of adjusted.entries()) {
          expect(each).toBeGreaterThanOrEqual((p[index] ?? 0) - 1e-12);
          const smaller = adjusted.filter((_, other) => (p[other] ?? 0) < (p[index] ?? 0));
          expect(Math.max(0, ...smaller)).toBeLessThanOrEqual(each);
        }
      }),
    );
  });

  test('PSI is nothing for equal shares and about the square of a small shift', () => {
    expect(populationStability([100, 200], [1_000, 2_000])).toBeCloseTo(0, 4);
    expect(populationStability([500, 500], [450, 550])).toBeCloseTo(0.01, 3);
  });

  test('severity is read from the lower bound', () => {
    expect([0.001, 0.003, 0.02, 0.4].map(severityOf)).toEqual([
      'none',
      'minor',
      'moderate',
      'major',
    ]);
  });
});

describe('the relevance test', { timeout: 60_000 }, () => {
  const random = randomFrom('relevance');
  const reference = referenceOf(drawRows(random, 10_000), random);
  const testAll = (rows: number, shift: Shift = {}): RelevanceResult[] => {
    const counts = countRows(reference, drawRows(random, rows, shift));
    return reference.features.map((binning, index) => {
      const [before, now] = [reference.counts[index], counts.features[index]];
      if (!before || !now) throw new Error('unreachable');
      return testRelevance(binning, before, now, 0.0025);
    });
  };
  const alarms = (runs: number, rows: number, shift?: Shift): number => {
    let found = 0;
    for (let run = 0; run < runs; run += 1) {
      const adjusted = adjustByBenjaminiHochberg(testAll(rows, shift).map(({ p }) => p));
      if (adjusted.some((p) => p <= 0.05)) found += 1;
    }
    return found;
  };

  test.each([50, 100, 200, 500, 2_000])(
    'of %i rows raises a false alarm in at most one of twenty',
    (rows) => {
      expect(alarms(100, rows)).toBeLessThanOrEqual(5);
    },
  );

  test('is quiet about a trifle in a hundred thousand rows', () => {
    expect(alarms(5, 100_000, { mean: 0.03 })).toBe(0);
  });

  test('finds a quarter of a standard deviation in 500 rows, and half of one in 200', () => {
    expect(alarms(50, 500, { mean: 0.25 })).toBeGreaterThanOrEqual(38);
    expect(alarms(50, 200, { mean: 0.5 })).toBeGreaterThanOrEqual(46);
  });

  test('finds half as much spread again in 500 rows', () => {
    expect(alarms(50, 500, { spread: 1.5 })).toBeGreaterThanOrEqual(48);
  });

  test('finds airports that nobody has seen, and calls many of them major', () => {
    expect(alarms(50, 500, { unseen: 0.05 })).toBeGreaterThanOrEqual(48);
    const [, , , airport] = testAll(2_000, { unseen: 0.3 });
    expect(airport?.unseen).toBeGreaterThan(0.25);
    expect(severityOf(airport?.lower ?? 0)).toBe('major');
  });

  test('calls nothing major that is only surprising', () => {
    const [normal] = testAll(5_000, { mean: 0.15 });
    expect(normal?.p).toBeLessThan(0.05);
    expect(['minor', 'moderate']).toContain(severityOf(normal?.lower ?? 0));
  });
});
