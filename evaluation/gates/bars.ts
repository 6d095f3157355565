import type { MetricName, ModelSpec } from '../../contracts/spec.js';
import type { Finding, Verdict } from '../../contracts/verdict.js';
import { estimateMetric, type Estimate } from '../estimate.js';
import { figuresOf, undecided } from '../finding.js';
import { inWords, metricWords } from '../words.js';

/** Bars hold with or without a champion: passed when the 95 % bound is on the right side, failed when the other bound is not. */
export function judgeBars(
  bars: ModelSpec['evaluation']['bars'],
  labels: Uint8Array,
  scores: Float64Array,
): Finding[] {
  return Object.entries(bars).flatMap(([name, bar]) => {
    const metric = name as MetricName;
    const estimate = estimateMetric(metric, labels, scores);
    return (['atLeast', 'atMost'] as const).flatMap((side) => {
      const bound = bar[side];
      return bound === undefined ? [] : [judgeBar(metric, side, bound, estimate, labels.length)];
    });
  });
}

function judgeBar(
  metric: MetricName,
  side: 'atLeast' | 'atMost',
  bound: number,
  estimate: Estimate | null,
  rows: number,
): Finding {
  const name = `bar:${metric}:${side}`;
  const words = metricWords[metric];
  if (!estimate) {
    const reason = `The ${words} is undefined on these ${rows} rows.`;
    return undecided({ name, bound, rows }, reason);
  }
  const { value, lower, upper } = estimate;
  const range = `${inWords(value)} (${inWords(lower)} to ${inWords(upper)})`;
  const wanted = side === 'atLeast' ? 'at least' : 'at most';
  const verdict = verdictOf(side, bound, estimate);
  const end = {
    pass: 'is shown to hold',
    fail: 'is shown not to hold',
    inconclusive: 'lies within the uncertainty',
    error: 'could not be judged',
  }[verdict];
  return {
    name,
    verdict,
    ...figuresOf(estimate),
    bound,
    rows,
    reason: `The ${words} is ${range}; ${wanted} ${bound} ${end}.`,
  };
}

function verdictOf(side: 'atLeast' | 'atMost', bound: number, { lower, upper }: Estimate): Verdict {
  if (side === 'atLeast' ? lower >= bound : upper <= bound) return 'pass';
  if (side === 'atLeast' ? upper < bound : lower > bound) return 'fail';
  return 'inconclusive';
}
