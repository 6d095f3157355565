import type { MetricName } from '../contracts/spec.js';
import { normalIsf, studentIsf } from '../statistics/special.js';
import { meanOf, sumOf, varianceOf } from '../statistics/sum.js';
import { brier, brierLosses } from './metrics/brier.js';
import {
  calibrationError,
  calibrationErrorBeyondChance,
  calibrationLosses,
} from './metrics/calibration-error.js';
import { logLoss, logLosses } from './metrics/log-loss.js';
import { pairablePlacements, rocAuc, sortedPlacements } from './metrics/roc-auc.js';

/** A number, its standard error, and one-sided 95 % confidence bounds. */
export interface Estimate {
  value: number;
  error: number;
  lower: number;
  upper: number;
  rows: number;
}

/** Error probability of each bound. */
export const alpha = 0.05;

type Measure = (labels: Uint8Array, scores: Float64Array) => number | null;

export const measures: Record<MetricName, Measure> = {
  roc_auc: rocAuc,
  log_loss: logLoss,
  brier,
  calibration_error: calibrationError,
};

/** Losses of single rows whose mean is the metric. The area under the curve has none: it goes by placements. */
const lossesOf = {
  log_loss: logLosses,
  brier: brierLosses,
  calibration_error: calibrationLosses,
} as const;

/** A metric with its bounds; null where it is undefined. The calibration error is the one beyond chance. */
export function estimateMetric(
  metric: MetricName,
  labels: Uint8Array,
  scores: Float64Array,
): Estimate | null {
  if (metric === 'roc_auc') return estimateArea(labels, scores);
  if (scores.length < 2) return null;
  const losses = lossesOf[metric](labels, scores);
  if (metric !== 'calibration_error') return aroundMean(losses);
  const beyondChance = calibrationErrorBeyondChance(labels, scores) ?? 0;
  const { value, error, lower, upper, rows } = aroundMean(losses);
  const shift = beyondChance - value;
  return {
    value: beyondChance,
    error,
    lower: Math.max(0, lower + shift),
    upper: Math.max(0, upper + shift),
    rows,
  };
}

/**
 * By how much the challenger is better than the champion on the same rows (positive = better, whichever way the metric points).
 * The area under the curve by DeLong's paired comparison, the others by the mean of the rows' differences.
 */
export function compareModels(
  metric: MetricName,
  labels: Uint8Array,
  challenger: Float64Array,
  champion: Float64Array,
): Estimate | null {
  if (metric === 'roc_auc') return compareAreas(labels, challenger, champion);
  if (challenger.length < 2) return null;
  const ours = lossesOf[metric](labels, challenger);
  const theirs = lossesOf[metric](labels, champion);
  return aroundMean(ours.map((loss, row) => (theirs[row] ?? 0) - loss));
}

/** DeLong's variance (Sun & Xu 2014), with bounds on the logit scale so that they stay inside (0, 1). */
function estimateArea(labels: Uint8Array, scores: Float64Array): Estimate | null {
  const placements = sortedPlacements(labels, scores);
  if (!placements) return null;
  const value = meanOf(placements.positives);
  const error = Math.sqrt(
    varianceOfMean(placements.positives) + varianceOfMean(placements.negatives),
  );
  const rows = scores.length;
  if (value <= 0 || value >= 1) return { value, error, lower: value, upper: value, rows };
  const logit = Math.log(value / (1 - value));
  const half = (normalIsf(alpha) * error) / (value * (1 - value));
  return { value, error, lower: sigmoid(logit - half), upper: sigmoid(logit + half), rows };
}

function compareAreas(
  labels: Uint8Array,
  challenger: Float64Array,
  champion: Float64Array,
): Estimate | null {
  const ours = pairablePlacements(labels, challenger);
  const theirs = pairablePlacements(labels, champion);
  if (!ours || !theirs) return null;
  const positives = ours.positives.map((place, row) => place - (theirs.positives[row] ?? 0));
  const negatives = ours.negatives.map((place, row) => place - (theirs.negatives[row] ?? 0));
  const value = meanOf(positives);
  const error = Math.sqrt(varianceOfMean(positives) + varianceOfMean(negatives));
  const half = normalIsf(alpha) * error;
  return { value, error, lower: value - half, upper: value + half, rows: challenger.length };
}

function aroundMean(values: Float64Array): Estimate {
  const value = sumOf(values) / values.length;
  const error = Math.sqrt(varianceOfMean(values));
  const half = studentIsf(alpha, values.length - 1) * error;
  return { value, error, lower: value - half, upper: value + half, rows: values.length };
}

function varianceOfMean(values: Float64Array): number {
  return values.length < 2 ? 0 : varianceOf(values) / values.length;
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
