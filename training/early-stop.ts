import type { Direction, StopJudgement } from '../contracts/search.js';

/** What one trial told of the metric, by step in order. */
export interface TrialCurve {
  trial: number;
  /** Whether it was trained to its end. */
  complete: boolean;
  points: { step: number; value: number }[];
}

export interface StopRule {
  rule: 'median' | 'halving';
  metric: string;
  direction: Direction;
}

/** Of fewer others nothing is concluded. */
const fewestOthers = 3;

/**
 * Whether a running trial lags so far behind the others that it is not worth its machine; null while it is. By `median` it must reach the
 * median of the trials that came to their end, at its newest step that enough of them told; by `halving` it must be in the better half at
 * the last rung it reached, of steps 1, 2, 4, 8 and so on. Values are compared at one and the same step.
 */
export function judgeTrial(
  { rule, metric, direction }: StopRule,
  own: TrialCurve,
  others: readonly TrialCurve[],
): StopJudgement | null {
  const better = direction === 'minimize' ? ascending : descending;
  const peers = rule === 'median' ? others.filter(({ complete }) => complete) : others;
  for (const { step, value } of judgedAt(rule, own)) {
    const told = peers.flatMap(({ trial, points }) => {
      const point = points.find((each) => each.step === step);
      return point ? [{ trial, value: point.value }] : [];
    });
    if (told.length < fewestOthers) continue;
    const ranked = told.map((each) => each.value).toSorted(better);
    const bar = rule === 'median' ? medianOf(ranked) : lastOfBetterHalf([...ranked, value], better);
    if (better(value, bar) <= 0) return null;
    return { rule, metric, direction, step, value, others: told, bar };
  }
  return null;
}

/** The points that may be judged by, the most telling first. */
function judgedAt(rule: StopRule['rule'], { points }: TrialCurve): TrialCurve['points'] {
  if (rule === 'median') return points.toReversed();
  const last = points.at(-1)?.step ?? 0;
  if (last < 1) return [];
  const rung = 2 ** Math.floor(Math.log2(last));
  // Trainers tell every so many steps: the first word at a rung or after it counts.
  return points.filter(({ step }) => step >= rung).slice(0, 1);
}

function medianOf(ranked: readonly number[]): number {
  const middle = (ranked.length - 1) / 2;
  return ((ranked[Math.floor(middle)] ?? NaN) + (ranked[Math.ceil(middle)] ?? NaN)) / 2;
}

function lastOfBetterHalf(
  values: readonly number[],
  better: (one: number, other: number) => number,
): number {
  return values.toSorted(better)[Math.ceil(values.length / 2) - 1] ?? NaN;
}

const ascending = (one: number, other: number) => one - other;
const descending = (one: number, other: number) => other - one;
