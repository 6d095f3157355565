import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adjustByHolm } from '../../statistics/holm.js';
import { wilsonInterval } from '../../statistics/intervals.js';
import { randomFrom } from '../../statistics/random.js';
import { sumOf, varianceOf } from '../../statistics/sum.js';

describe('wilsonInterval', () => {
  it('gives the published interval of 81 in 263 (Newcombe 1998)', () => {
    const { lower, upper } = wilsonInterval(81, 263);
    expect(lower).toBeCloseTo(0.2553, 4);
    expect(upper).toBeCloseTo(0.3662, 4);
  });

  it('holds the share, stays in [0, 1] and touches the ends only at none and all', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(1_000), (successes, failures) => {
        const trials = successes + failures;
        const { value, lower, upper } = wilsonInterval(successes, trials);
        expect(lower >= 0 && lower <= value && value <= upper && upper <= 1).toBe(true);
        expect(lower > 0).toBe(successes > 0);
      }),
    );
  });
});

describe('adjustByHolm', () => {
  it('multiplies the smallest by the number of tests and never goes down', () => {
    expect(adjustByHolm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(adjustByHolm([])).toEqual([]);
  });

  it('never makes a p-value smaller and never larger than Bonferroni', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true })), (pValues) => {
        adjustByHolm(pValues).forEach((adjusted, index) => {
          const p = pValues[index] ?? 0;
          expect(adjusted).toBeGreaterThanOrEqual(p);
          expect(adjusted).toBeLessThanOrEqual(Math.min(1, p * pValues.length));
        });
      }),
    );
  });
});

describe('sums', () => {
  it('keep what plain addition loses', () => {
    expect(sumOf([1, 1e100, 1, -1e100])).toBe(2);
  });

  it('give the sample variance', () => {
    expect(varianceOf([2, 4, 4, 4, 5, 5, 7, 9])).toBeCloseTo(32 / 7, 14);
  });
});

describe('randomFrom', () => {
  it('gives the same numbers for the same seed and others for another', () => {
    const first = Array.from({ length: 5 }, randomFrom('a'));
    expect(Array.from({ length: 5 }, randomFrom('a'))).toEqual(first);
    expect(Array.from({ length: 5 }, randomFrom('b'))).not.toEqual(first);
  });

  it('spreads evenly over [0, 1)', () => {
    const cells = Array.from({ length: 10 }, () => 0);
    const random = randomFrom('spread');
    for (let draw = 0; draw < 10_000; draw++) {
      const cell = Math.floor(random() * 10);
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    for (const count of cells) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
