import { chiSquareSf, lnGamma } from '../statistics/special.js';

/**
 * P(X >= x) of a noncentral chi-square variable: central ones with more degrees of freedom, mixed by Poisson weights. Summed from the
 * weights' mode outwards, until what is left out cannot matter.
 */
export function noncentralChiSquareSf(x: number, degrees: number, noncentrality: number): number {
  if (x <= 0) return 1;
  if (noncentrality <= 0) return chiSquareSf(x, degrees);
  const mean = noncentrality / 2;
  const mode = Math.floor(mean);
  const weight = (terms: number): number =>
    Math.exp(terms * Math.log(mean) - mean - lnGamma(terms + 1));
  let sum = 0;
  for (let terms = mode; terms >= 0; terms -= 1) {
    const term = weight(terms) * chiSquareSf(x, degrees + 2 * terms);
    sum += term;
    if (term < sum * 1e-16) break;
  }
  for (let terms = mode + 1; ; terms += 1) {
    const mass = weight(terms);
    sum += mass * chiSquareSf(x, degrees + 2 * terms);
    if (mass < sum * 1e-16 || mass < 1e-300) break;
  }
  return Math.min(1, sum);
}

/** Largest noncentrality under which a value of x or more has at most the chance `alpha`: a lower confidence bound; 0 where even none does. */
export function lowerNoncentrality(x: number, degrees: number, alpha: number): number {
  if (chiSquareSf(x, degrees) > alpha) return 0;
  let low = 0;
  let high = x;
  for (let halving = 0; halving < 40; halving += 1) {
    const middle = (low + high) / 2;
    if (noncentralChiSquareSf(x, degrees, middle) > alpha) high = middle;
    else low = middle;
  }
  return low;
}
