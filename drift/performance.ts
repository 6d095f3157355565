import type { Performance } from '../contracts/drift.js';
import type { LabelledCounts, ReferenceProfile } from '../contracts/window-counts.js';

/** Two-sided 95 %. */
const z = 1.96;

export interface JudgedPerformance extends Performance {
  /** Standard error of logLoss - expectedLogLoss; null with fewer than two rows. */
  error: number | null;
}

/**
 * Realised log-loss against what a calibrated model with the reference's skill would show at the base rate found. Raw log-loss is no
 * measure over time: it falls when fewer flights are late, however badly they are predicted.
 */
export function judgePerformance(
  reference: ReferenceProfile,
  labelled: LabelledCounts,
): JudgedPerformance {
  const { rows, positives, scoreSum, logLossSum, logLossSquares } = labelled;
  if (rows < 2 || reference.rows < 2) {
    return {
      rows,
      positives,
      meanScore: null,
      logLoss: null,
      expectedLogLoss: null,
      lower: null,
      upper: null,
      error: null,
    };
  }
  const logLoss = logLossSum / rows;
  const expectedLogLoss = expectedAt(reference, positives / rows);
  const variance = Math.max(0, logLossSquares / rows - logLoss * logLoss);
  const error = Math.sqrt(variance * (1 / (rows - 1) + 1 / reference.rows));
  const difference = logLoss - expectedLogLoss;
  return {
    rows,
    positives,
    meanScore: scoreSum / rows,
    logLoss,
    expectedLogLoss,
    lower: difference - z * error,
    upper: difference + z * error,
    error,
  };
}

/**
 * The reference's log-loss carried over to another base rate: entropy of the label within the calibration bins, once the bins' shares
 * are reweighted for the new rate (as if only the mix of late and punctual flights had changed), plus what the reference lost
 * beyond that entropy.
 */
export function expectedAt(reference: ReferenceProfile, baseRate: number): number {
  const before = reference.positives / reference.rows;
  return (
    entropyAt(reference, before, baseRate) +
    reference.logLoss -
    entropyAt(reference, before, before)
  );
}

function entropyAt(
  { calibration, rows }: ReferenceProfile,
  before: number,
  baseRate: number,
): number {
  if (before <= 0 || before >= 1) return 0;
  let entropy = 0;
  for (const bin of calibration) {
    const late = (baseRate * bin.rows * bin.observed) / (rows * before);
    const punctual = ((1 - baseRate) * bin.rows * (1 - bin.observed)) / (rows * (1 - before));
    entropy -= xLogShare(late, late + punctual) + xLogShare(punctual, late + punctual);
  }
  return entropy;
}

const xLogShare = (part: number, whole: number): number =>
  part > 0 ? part * Math.log(part / whole) : 0;
