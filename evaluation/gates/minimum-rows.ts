import type { Finding } from '../../contracts/verdict.js';
import { countInWords } from '../words.js';

/** Too few rows, or rows of one class only, are `inconclusive`: more data may decide. */
export function judgeRows(labels: Uint8Array, minimum: number): Finding {
  const rows = labels.length;
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const finding = { name: 'rows', value: rows, lower: null, upper: null, bound: minimum, rows };
  if (rows < minimum) {
    const reason = `The hold-out has ${countInWords(rows)} of the ${countInWords(minimum)} rows it needs.`;
    return { ...finding, verdict: 'inconclusive', reason };
  }
  if (positives === 0 || positives === rows) {
    const reason = `All ${countInWords(rows)} rows of the hold-out have the label ${positives === 0 ? 0 : 1}.`;
    return { ...finding, verdict: 'inconclusive', reason };
  }
  const reason = `The hold-out has ${countInWords(rows)} rows, ${countInWords(positives)} of them positive; it needs ${countInWords(minimum)}.`;
  return { ...finding, verdict: 'pass', reason };
}
