import type { EvaluationReport } from '../contracts/evaluation.js';
import { roundTo12 } from '../statistics/round.js';

const bins = 10;

/** Ten bins of equal mass along the score, with what was predicted and what came true. Equal scores keep the order of the rows. */
export function calibrationOf(
  labels: Uint8Array,
  scores: Float64Array,
): EvaluationReport['calibration'] {
  const order = Uint32Array.from(scores.keys()).sort(
    (a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b,
  );
  return Array.from({ length: bins }, (_, bin) => {
    const from = Math.floor((bin * order.length) / bins);
    const to = Math.floor(((bin + 1) * order.length) / bins);
    let predicted = 0;
    let observed = 0;
    for (const row of order.subarray(from, to)) {
      predicted += scores[row] ?? 0;
      observed += labels[row] ?? 0;
    }
    const rows = to - from;
    return {
      rows,
      predicted: roundTo12(predicted / Math.max(1, rows)),
      observed: roundTo12(observed / Math.max(1, rows)),
    };
  }).filter(({ rows }) => rows > 0);
}
