import { meanOf } from '../../statistics/sum.js';

/** Equal-width bins on [0, 1], closed on the right, as scikit-learn's `calibration_curve` cuts them. */
const bins = 15;

interface Bin {
  rows: number;
  predicted: number;
  observed: number;
}

/** Sum over the bins of |observed - predicted|, weighted by rows (ECE); null without rows. */
export function calibrationError(labels: Uint8Array, scores: Float64Array): number | null {
  return scores.length === 0 ? null : meanOf(calibrationLosses(labels, scores));
}

/** Each row's share in the error, so that its mean is the error: label minus score, signed as its bin's gap is. */
export function calibrationLosses(labels: Uint8Array, scores: Float64Array): Float64Array {
  const sums = binRows(labels, scores);
  return scores.map((score, row) => {
    const bin = sums[binOf(score)];
    const gap = (labels[row] ?? 0) - score;
    return bin && bin.observed < bin.predicted ? -gap : gap;
  });
}

/**
 * The error less what chance alone gives: even a perfectly calibrated model shows 0.033 on a thousand rows. Each bin's squared
 * gap loses its binomial variance and stops at zero.
 */
export function calibrationErrorBeyondChance(
  labels: Uint8Array,
  scores: Float64Array,
): number | null {
  if (scores.length === 0) return null;
  let error = 0;
  for (const { rows, predicted, observed } of binRows(labels, scores)) {
    if (rows === 0) continue;
    const mean = predicted / rows;
    const chance = (mean * (1 - mean)) / rows;
    error += rows * Math.sqrt(Math.max(0, ((observed - predicted) / rows) ** 2 - chance));
  }
  return error / scores.length;
}

function binRows(labels: Uint8Array, scores: Float64Array): Bin[] {
  const sums = Array.from({ length: bins }, (): Bin => ({ rows: 0, predicted: 0, observed: 0 }));
  for (const [row, score] of scores.entries()) {
    const bin = sums[binOf(score)];
    if (!bin) continue;
    bin.rows += 1;
    bin.predicted += score;
    bin.observed += labels[row] ?? 0;
  }
  return sums;
}

function binOf(score: number): number {
  return Math.min(bins - 1, Math.max(0, Math.ceil(score * bins) - 1));
}
