import betainc from '@stdlib/math-base-special-betainc';
import betaincinv from '@stdlib/math-base-special-betaincinv';
import erfc from '@stdlib/math-base-special-erfc';
import erfcinv from '@stdlib/math-base-special-erfcinv';
import gammainc from '@stdlib/math-base-special-gammainc';
import gammaln from '@stdlib/math-base-special-gammaln';

/*
 * Special functions and tails of distributions. Tails are computed as tails (sf = survival function, P(X > x)), never as
 * 1 - cdf, which loses every digit beyond 1e-16. Relative errors are below 1e-10 wherever the result is at least 1e-300.
 */

/** ln Γ(x) for x > 0. */
export const lnGamma = (x: number): number => gammaln(x);

/** ln B(a, b) for a, b > 0. */
export function lnBeta(a: number, b: number): number {
  return gammaln(a) + gammaln(b) - gammaln(a + b);
}

/** Regularised upper incomplete gamma function Q(a, x). */
function gammaUpper(a: number, x: number): number {
  return x <= 0 ? 1 : gammainc(x, a, true, true);
}

/** Regularised incomplete beta function I_x(a, b): P(X <= x) of a beta variable. */
export function betaLower(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  return x >= 1 ? 1 : betainc(x, a, b, true, false);
}

/** 1 - I_x(a, b): P(X > x) of a beta variable. */
export function betaUpper(x: number, a: number, b: number): number {
  if (x <= 0) return 1;
  return x >= 1 ? 0 : betainc(x, a, b, true, true);
}

/** P(Z > z) of a standard normal variable. */
export const normalSf = (z: number): number => 0.5 * erfc(z / Math.SQRT2);

/** P(Z <= z) of a standard normal variable. */
export const normalCdf = (z: number): number => 0.5 * erfc(-z / Math.SQRT2);

/** z with P(Z > z) = p: exact where 1 - p would round to 1. */
export const normalIsf = (p: number): number => Math.SQRT2 * erfcinv(2 * p);

/** P(X > x) of a chi-square variable. */
export const chiSquareSf = (x: number, degrees: number): number => gammaUpper(degrees / 2, x / 2);

/** t with P(T > t) = p of Student's variable, 0 < p < 1. */
export function studentIsf(p: number, degrees: number): number {
  if (p > 0.5) return -studentIsf(1 - p, degrees);
  const y = betaincinv(2 * p, 0.5, degrees / 2, true);
  if (y < 0.5) return Math.sqrt((degrees * y) / (1 - y));
  // Far in a heavy tail y rounds to 1: the mirrored quantile keeps its digits.
  const x = betaincinv(2 * p, degrees / 2, 0.5, false);
  return Math.sqrt((degrees * (1 - x)) / x);
}

/** P(X > k) of a binomial variable of `n` trials. */
export function binomialSf(k: number, n: number, p: number): number {
  if (k < 0) return 1;
  return k >= n ? 0 : betaLower(p, Math.floor(k) + 1, n - Math.floor(k));
}
