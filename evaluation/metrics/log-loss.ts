import { meanOf } from '../../statistics/sum.js';

/** Scores are clipped to [2^-52, 1 - 2^-52], as scikit-learn does for double precision. */
const epsilon = 2 ** -52;

/** Loss of each row in nats. */
export function logLosses(labels: Uint8Array, scores: Float64Array): Float64Array {
  return scores.map((score, row) => {
    const clipped = Math.min(1 - epsilon, Math.max(epsilon, score));
    return labels[row] === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
  });
}

/** Mean loss in nats, equal to scikit-learn's `log_loss`; null without rows. */
export function logLoss(labels: Uint8Array, scores: Float64Array): number | null {
  return scores.length === 0 ? null : meanOf(logLosses(labels, scores));
}
