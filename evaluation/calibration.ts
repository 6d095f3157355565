import type { EvaluationReport } from '../contracts/evaluation.js';
import { roundTo12 } from '../statistics/round.js';

const bins = 10;

/** Up to ten bins of equal mass along the score, with what was predicted and what came true. Equal scores stay together. */
export function calibrationOf(
  labels: Uint8Array,
  scores: Float64Array,
): EvaluationReport['calibration'] {
  const sorted = scores.toSorted();
  const starts = Array.from({ length: bins }, (_, bin) => {
    return sorted[Math.floor((bin * sorted.length) / bins)] ?? Infinity;
  });
  const sums = starts.map(() => ({ rows: 0, predicted: 0, observed: 0 }));
  for (const [row, score] of scores.entries()) {
    const sum = sums[starts.findLastIndex((start) => start <= score)];
    if (!sum) continue;
    sum.rows += 1;
    sum.predicted += score;
    sum.observed += labels[row] ?? 0;
  }
  return sums
    .filter(({ rows }) => rows > 0)
    .map(({ rows, predicted, observed }) => ({
      rows,
      predicted: roundTo12(predicted / rows),
      observed: roundTo12(observed / rows),
    }));
}
