import { meanOf } from '../../statistics/sum.js';

/** Squared error of each row's probability. */
export function brierLosses(labels: Uint8Array, scores: Float64Array): Float64Array {
  return scores.map((score, row) => (score - (labels[row] ?? 0)) ** 2);
}

/** Mean squared error of the probabilities, equal to scikit-learn's `brier_score_loss`; null without rows. */
export function brier(labels: Uint8Array, scores: Float64Array): number | null {
  return scores.length === 0 ? null : meanOf(brierLosses(labels, scores));
}
