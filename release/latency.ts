import { latencyBounds } from '../contracts/window-counts.js';

/** A difference below a millisecond is lost in the network: nobody is served worse by it. */
const smallestBound = 1_131;
const fewestAnswers = 500;
const slowShare = 0.05;

/**
 * The bound that about 95 % of the answers stay below, frozen before arms are compared; null with fewer than 500 answers.
 * Latencies are known as a histogram: of its bounds the one whose tail is nearest to 5 %.
 */
export function freezeLatencyBound(histogram: readonly number[]): number | null {
  const answers = histogram.reduce((sum, each) => sum + each, 0);
  if (answers < fewestAnswers) return null;
  let best: number | null = null;
  let smallestGap = Infinity;
  for (const bound of latencyBounds) {
    if (bound < smallestBound) continue;
    const tail = answersAbove(histogram, bound) / answers;
    const gap = Math.abs(Math.log((tail + 1e-6) / slowShare));
    if (gap < smallestGap) {
      best = bound;
      smallestGap = gap;
    }
  }
  return best;
}

/** Answers that took at least `bound` microseconds, one of the histogram's own bounds. */
export function answersAbove(histogram: readonly number[], bound: number): number {
  const first = latencyBounds.findIndex((each) => each >= bound) + 1;
  if (first === 0) return 0;
  return histogram.slice(first).reduce((sum, each) => sum + each, 0);
}

/** The largest bound of the histogram that is no more than `ratio` times `bound`: harm up to the margin stays below it. */
export function relaxedBound(bound: number, ratio: number): number {
  return latencyBounds.findLast((each) => each <= bound * ratio) ?? bound;
}
