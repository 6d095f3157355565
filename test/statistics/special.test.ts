import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as special from '../../statistics/special.js';

/** Reference values of mpmath, scipy and by hand. */
const known: [name: string, got: number, expected: number][] = [
  ['normalSf(10)', special.normalSf(10), 7.619853024160525e-24],
  ['normalSf(37)', special.normalSf(37), 5.725571222524577e-300],
  ['normalCdf(1.96)', special.normalCdf(1.96), 0.9750021048517795],
  ['normalIsf(1e-20)', special.normalIsf(1e-20), 9.262340089798407],
  ['chiSquareSf(3.841, 1)', special.chiSquareSf(3.841458820694124, 1), 0.05],
  ['studentIsf(0.025, 10)', special.studentIsf(0.025, 10), 2.2281388519649385],
  ['studentIsf(0.05, 999)', special.studentIsf(0.05, 999), 1.646380345427535],
  ['lnGamma(0.5)', special.lnGamma(0.5), 0.5723649429247001],
  ['lnBeta(2, 3)', special.lnBeta(2, 3), -Math.log(12)],
  ['betaLower(0.5, 2, 3)', special.betaLower(0.5, 2, 3), 0.6875],
  ['betaUpper(0.5, 2, 3)', special.betaUpper(0.5, 2, 3), 0.3125],
  ['binomialSf(7, 10, 0.5)', special.binomialSf(7, 10, 0.5), 56 / 1024],
];

describe('special functions', () => {
  it.each(known)('%s equals the reference to 1e-10', (_, got, expected) => {
    expect(Math.abs(got / expected - 1)).toBeLessThan(1e-10);
  });

  it('have tails and bodies that add up to one', () => {
    const size = fc.double({ min: 0.05, max: 200, noNaN: true });
    fc.assert(
      fc.property(size, size, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, x) => {
        expect(special.betaLower(x, a, b) + special.betaUpper(x, a, b)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('are undone by their inverses', () => {
    const p = fc.double({ min: 1e-12, max: 0.999, noNaN: true });
    const degrees = fc.integer({ min: 1, max: 100_000 });
    fc.assert(
      fc.property(p, degrees, (tail, v) => {
        expect(special.normalSf(special.normalIsf(tail)) / tail).toBeCloseTo(1, 9);
        const t = special.studentIsf(tail, v);
        const beyond = special.betaLower(v / (v + t * t), v / 2, 0.5) / 2;
        expect((t < 0 ? 1 - beyond : beyond) / tail).toBeCloseTo(1, 7);
      }),
    );
  });

  it('give 0 and 1 outside the range of a variable', () => {
    expect(special.chiSquareSf(0, 3)).toBe(1);
    expect(special.betaLower(-1, 2, 2)).toBe(0);
    expect(special.binomialSf(-1, 5, 0.3)).toBe(1);
    expect(special.binomialSf(5, 5, 0.3)).toBe(0);
  });
});
