import type { MetricName } from '../../contracts/spec.js';
import type { Finding } from '../../contracts/verdict.js';
import { normalIsf } from '../../statistics/special.js';
import { alpha, type Estimate } from '../estimate.js';
import { figuresOf, undecided } from '../finding.js';
import { countInWords, inWords, metricWords } from '../words.js';

/** Chance of passing an equal model that `rowsNeeded` plans for. */
const power = 0.8;

/**
 * The challenger must not be worse than the champion by more than the margin: passed when the lower 95 % bound of its advantage
 * is above -margin, failed when the upper one is below, else undecided with the rows it would take.
 */
export function judgeAdvantage(
  metric: MetricName,
  advantage: Estimate | null,
  margin: number,
  rows: number,
): Finding {
  const name = `champion:${metric}`;
  const words = metricWords[metric];
  if (!advantage) {
    const reason = `The ${words} is undefined on these ${rows} rows, so nothing can be compared.`;
    return undecided({ name, bound: -margin, rows }, reason);
  }
  const { value, lower, upper } = advantage;
  const finding = { name, ...figuresOf(advantage), bound: -margin, rows };
  const found = `${words} ${betterOrWorse(value)} than the champion's on the same rows (${inWords(lower)} to ${inWords(upper)})`;
  if (lower > -margin) {
    const reason = `The challenger's ${found}: not worse by more than ${margin}${lower > 0 ? ', and shown to be better' : ''}.`;
    return { ...finding, verdict: 'pass', reason };
  }
  if (upper < -margin) {
    return {
      ...finding,
      verdict: 'fail',
      reason: `The challenger's ${found}: worse by more than ${margin}.`,
    };
  }
  const reason = `The challenger's ${found}: whether it is worse by more than ${margin} stays open. ${advice(advantage, margin)}`;
  return { ...finding, verdict: 'inconclusive', reason };
}

/** Rows at which an equal challenger passes with 80 % probability. */
export function rowsNeeded({ error, rows }: Estimate, margin: number): number {
  const variance = error ** 2 * rows;
  return Math.ceil(((normalIsf(alpha) + normalIsf(1 - power)) ** 2 * variance) / margin ** 2);
}

function advice(advantage: Estimate, margin: number): string {
  const needed = rowsNeeded(advantage, margin);
  return needed > advantage.rows
    ? `About ${countInWords(needed)} rows would decide it for an equal model.`
    : 'The difference lies so near to the margin that a person should decide.';
}

function betterOrWorse(value: number): string {
  return `is ${inWords(Math.abs(value))} ${value < 0 ? 'worse' : 'better'}`;
}
