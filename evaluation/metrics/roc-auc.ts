import { meanOf } from '../../statistics/sum.js';

/**
 * Where each row stands among the rows of the other class, ties counting one half: for a positive the share of negatives below
 * it, for a negative the share of positives above it. Their means are both the area under the curve, and their variances are
 * what DeLong's interval is made of. O(n log n).
 */
export interface Placements {
  positives: Float64Array;
  negatives: Float64Array;
}

/** Null when one class is missing: the area is then undefined, never 0.5. */
export function placementsOf(labels: Uint8Array, scores: Float64Array): Placements | null {
  const positives = scores.filter((_, row) => labels[row] === 1);
  const negatives = scores.filter((_, row) => labels[row] !== 1);
  if (positives.length === 0 || negatives.length === 0) return null;
  const sortedPositives = positives.toSorted();
  const sortedNegatives = negatives.toSorted();
  return {
    positives: positives.map((score) => shareBelow(sortedNegatives, score)),
    negatives: negatives.map((score) => 1 - shareBelow(sortedPositives, score)),
  };
}

/** Area under the ROC curve, equal to scikit-learn's `roc_auc_score`; null when one class is missing. */
export function rocAuc(labels: Uint8Array, scores: Float64Array): number | null {
  const placements = placementsOf(labels, scores);
  return placements && meanOf(placements.positives);
}

function shareBelow(sorted: Float64Array, score: number): number {
  const below = countWhile(sorted, (value) => value < score);
  const notAbove = countWhile(sorted, (value) => value <= score);
  return (below + notAbove) / 2 / sorted.length;
}

/** How many values at the start of a sorted array fulfil a condition that the later ones do not. */
function countWhile(sorted: Float64Array, holds: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}
