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

/** Area under the ROC curve, equal to scikit-learn's `roc_auc_score`; null when one class is missing. */
export function rocAuc(labels: Uint8Array, scores: Float64Array): number | null {
  const placements = sortedPlacements(labels, scores);
  return placements && meanOf(placements.positives);
}

/** Placements in the order of the scores: enough for one model. Null when one class is missing: the area is undefined, never 0.5. */
export function sortedPlacements(labels: Uint8Array, scores: Float64Array): Placements | null {
  const classes = splitClasses(labels, scores);
  if (!classes) return null;
  const positives = classes.positives.sort();
  const negatives = classes.negatives.sort();
  return {
    positives: sharesBelow(positives, negatives),
    negatives: sharesBelow(negatives, positives).map((share) => 1 - share),
  };
}

/** Placements in the order of the rows, so that two models can be paired. */
export function pairablePlacements(labels: Uint8Array, scores: Float64Array): Placements | null {
  const classes = splitClasses(labels, scores);
  if (!classes) return null;
  const { positives, negatives } = classes;
  const sortedPositives = positives.toSorted();
  const sortedNegatives = negatives.toSorted();
  return {
    positives: positives.map((score) => shareBelow(sortedNegatives, score)),
    negatives: negatives.map((score) => 1 - shareBelow(sortedPositives, score)),
  };
}

function splitClasses(labels: Uint8Array, scores: Float64Array): Placements | null {
  const positives = scores.filter((_, row) => labels[row] === 1);
  const negatives = scores.filter((_, row) => labels[row] !== 1);
  return positives.length > 0 && negatives.length > 0 ? { positives, negatives } : null;
}

/** For each sorted value the share of the sorted others below it: one walk through both. */
function sharesBelow(sorted: Float64Array, others: Float64Array): Float64Array {
  let below = 0;
  let notAbove = 0;
  return sorted.map((value) => {
    while (below < others.length && (others[below] ?? 0) < value) below += 1;
    notAbove = Math.max(notAbove, below);
    while (notAbove < others.length && (others[notAbove] ?? 0) <= value) notAbove += 1;
    return (below + notAbove) / 2 / others.length;
  });
}

function shareBelow(sorted: Float64Array, score: number): number {
  const below = countWhile(sorted, 0, (value) => value < score);
  const tied = sorted[below] === score;
  const notAbove = tied ? countWhile(sorted, below, (value) => value <= score) : below;
  return (below + notAbove) / 2 / sorted.length;
}

/** Where in a sorted array, from `low` on, the values begin that do not fulfil a condition. */
function countWhile(sorted: Float64Array, low: number, holds: (value: number) => boolean): number {
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle] ?? Number.NaN)) low = middle + 1;
    else high = middle;
  }
  return low;
}
