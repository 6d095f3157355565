import type { Binning, ValueCounts } from '../contracts/window-counts.js';
import { binomialSf, normalCdf, normalSf } from '../statistics/special.js';
import { wilsonInterval } from '../statistics/intervals.js';
import { combineByCauchy } from './cauchy-combination.js';
import { comparableCells, sum } from './cells.js';
import { kolmogorovSf } from './kolmogorov.js';
import { lowerNoncentrality, noncentralChiSquareSf } from './noncentral-chi-square.js';
import { populationStability } from './psi.js';

/** Missing and unseen values, or values beyond the reference's tails, may grow by this share before anybody hears of it. */
const strangeMargin = 0.005;
const tailMargin = 0.01;
/** One-sided risk of the lower bound that severity is read from. */
const boundAlpha = 0.05;

export interface RelevanceResult {
  /** Chance of counts like these while the shift is no more than the relevant one. */
  p: number;
  psi: number;
  /** Lower bound of the shift as a PSI equivalent. */
  lower: number;
  /** Share of missing and unseen values. */
  unseen: number;
  rows: number;
}

/**
 * Tests one value against its reference for a shift larger than `relevance` (a PSI equivalent: d standard deviations are d squared),
 * from counts alone: small windows raise no false alarms, and huge ones none about trifles.
 */
export function testRelevance(
  binning: Binning,
  reference: ValueCounts,
  current: ValueCounts,
  relevance: number,
): RelevanceResult {
  const cells = comparableCells(binning, reference, current);
  const [m, n] = [sum(cells.reference), sum(cells.current)];
  const rows = n + cells.strange.current;
  const psi = populationStability(
    [...cells.reference, cells.strange.reference],
    [...cells.current, cells.strange.current],
  );
  const strange = strangeValues(cells.strange, m + cells.strange.reference, rows);
  const parts = [strange];
  if (m > 0 && n > 0) {
    parts.push(cellShift(cells.reference, cells.current, relevance));
    if (binning.type === 'number') {
      parts.push(...meanShift(binning, { reference, current, m, n, relevance }));
      parts.push(distance(cells.reference, cells.current, relevance), ...tails(reference, current));
    }
  }
  return {
    p: combineByCauchy(parts.map((each) => each.p)),
    psi,
    lower: Math.max(...parts.map((each) => each.lower)),
    unseen: rows === 0 ? 0 : cells.strange.current / rows,
    rows,
  };
}

interface Part {
  p: number;
  lower: number;
}

/** Two-sample chi-square against a noncentral null. */
function cellShift(
  reference: readonly number[],
  current: readonly number[],
  relevance: number,
): Part {
  const [m, n] = [sum(reference), sum(current)];
  let statistic = 0;
  let used = 0;
  for (const [cell, r] of reference.entries()) {
    const c = current[cell] ?? 0;
    if (r + c === 0) continue;
    used += 1;
    const expected = ((r + c) * m) / (m + n);
    const expectedNow = ((r + c) * n) / (m + n);
    statistic += (r - expected) ** 2 / expected + (c - expectedNow) ** 2 / expectedNow;
  }
  if (used < 2) return { p: 1, lower: 0 };
  const size = (n * m) / (n + m);
  return {
    p: noncentralChiSquareSf(statistic, used - 1, size * relevance),
    lower: lowerNoncentrality(statistic, used - 1, boundAlpha) / size,
  };
}

/** Difference of winsorised means on the scale of the value itself, in standard deviations of the reference. */
function meanShift(
  binning: Extract<Binning, { type: 'number' }>,
  {
    reference,
    current,
    m,
    n,
    relevance,
  }: { reference: ValueCounts; current: ValueCounts; m: number; n: number; relevance: number },
): Part[] {
  if (binning.deviation === 0) return [];
  const shift = Math.abs(current.sum / n - reference.sum / m) / binning.deviation;
  const error = Math.sqrt(1 / m + 1 / n);
  const allowed = Math.sqrt(relevance);
  const certain = Math.max(0, shift - 1.645 * error);
  return [
    {
      p: Math.min(1, normalSf((shift - allowed) / error) + normalSf((shift + allowed) / error)),
      lower: certain * certain,
    },
  ];
}

/** Largest distance of the two distributions at the edges of the bins: never larger than between the values themselves. */
function distance(
  reference: readonly number[],
  current: readonly number[],
  relevance: number,
): Part {
  const [m, n] = [sum(reference), sum(current)];
  let [below, belowNow, largest] = [0, 0, 0];
  for (const [cell, r] of reference.entries()) {
    below += r / m;
    belowNow += (current[cell] ?? 0) / n;
    largest = Math.max(largest, Math.abs(below - belowNow));
  }
  const allowed = 2 * normalCdf(Math.sqrt(relevance) / 2) - 1;
  return {
    p: kolmogorovSf(Math.max(0, largest - allowed) * Math.sqrt((m * n) / (m + n))),
    lower: 0,
  };
}

/** Rows in the first and last bin, which are tails only where the reference has few rows in them. */
function tails(reference: ValueCounts, current: ValueCounts): Part[] {
  const regular = reference.cells.length - 2;
  const m = sum(reference.cells.slice(0, regular));
  const n = sum(current.cells.slice(0, regular));
  const ends = [0, regular - 1].filter((cell) => (reference.cells[cell] ?? 0) <= 0.03 * m);
  if (ends.length === 0 || regular < 3) return [];
  const inEnds = ({ cells }: ValueCounts): number => sum(ends.map((cell) => cells[cell] ?? 0));
  return [{ p: binomialSf(inEnds(current) - 1, n, inEnds(reference) / m + tailMargin), lower: 0 }];
}

/** Missing and unseen values against the share that the reference had. */
function strangeValues(
  strange: { reference: number; current: number },
  m: number,
  rows: number,
): Part {
  if (rows === 0) return { p: 1, lower: 0 };
  const allowed = Math.min(1, (m === 0 ? 0 : strange.reference / m) + strangeMargin);
  const certain = wilsonInterval(strange.current, rows, 1 - 2 * boundAlpha).lower;
  return {
    p: binomialSf(strange.current - 1, rows, allowed),
    lower: certain > allowed ? (certain - allowed) * Math.log(certain / allowed) : 0,
  };
}
