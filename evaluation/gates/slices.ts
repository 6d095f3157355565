import type { MetricName } from '../../contracts/spec.js';
import type { Finding } from '../../contracts/verdict.js';
import { adjustByHolm } from '../../statistics/holm.js';
import { normalCdf } from '../../statistics/special.js';
import { alpha, compareModels, type Estimate } from '../estimate.js';
import { figuresOf, undecided } from '../finding.js';
import type { Slice } from '../slices.js';
import { countInWords, inWords, metricWords } from '../words.js';

/** A slice smaller than this, or with fewer rows of a class, is not judged by itself. */
const minimumRows = 100;
const minimumOfClass = 20;

interface JudgedSlice {
  slice: Slice;
  advantage: Estimate;
  p: number;
}

/**
 * One finding per feature. Each value's H0 is "not worse than the champion by more than the margin"; the p-values of all values
 * of all features are corrected together by Holm, and a feature fails with its first rejected value.
 */
export function judgeSlices(
  metric: MetricName,
  slices: readonly Slice[],
  margin: number,
): Finding[] {
  const judged = slices.flatMap((slice) => judgeSlice(metric, slice, margin));
  const adjusted = adjustByHolm(judged.map(({ p }) => p));
  const tested = judged.map((each, index) => ({ ...each, p: adjusted[index] ?? 1 }));
  const features = [...new Set(slices.map(({ feature }) => feature))];
  return features.map((feature) => {
    const of = tested.filter(({ slice }) => slice.feature === feature);
    const values = slices.filter((slice) => slice.feature === feature).length;
    return summarise(metric, feature, of, values, margin);
  });
}

function judgeSlice(metric: MetricName, slice: Slice, margin: number): JudgedSlice[] {
  const { labels, challenger, champion } = slice;
  const positives = labels.reduce((sum, label) => sum + label, 0);
  const fewest = Math.min(positives, labels.length - positives);
  if (!champion || labels.length < minimumRows || fewest < minimumOfClass) return [];
  const advantage = compareModels(metric, labels, challenger, champion);
  if (!advantage) return [];
  const distance = advantage.value + margin;
  const certain = distance < 0 ? 0 : 1;
  const p = advantage.error > 0 ? normalCdf(distance / advantage.error) : certain;
  return [{ slice, advantage, p }];
}

function summarise(
  metric: MetricName,
  feature: string,
  tested: readonly JudgedSlice[],
  values: number,
  margin: number,
): Finding {
  const name = `slice:${feature}`;
  const rows = tested.reduce((sum, { slice }) => sum + slice.labels.length, 0);
  const [worst] = tested.toSorted((a, b) => a.p - b.p || a.advantage.value - b.advantage.value);
  if (!worst) {
    const reason = `None of the ${values} values of ${feature} has the ${minimumRows} rows it takes to judge it by itself.`;
    return undecided({ name, bound: -margin, rows }, reason);
  }
  const { slice, advantage, p } = worst;
  const failed = tested.filter((each) => each.p < alpha).map((each) => each.slice.value);
  const direction = advantage.value < 0 ? 'worse' : 'better';
  const where = `${feature} = ${slice.value}, ${metricWords[metric]} ${inWords(Math.abs(advantage.value))} ${direction} on ${countInWords(slice.labels.length)} rows, adjusted p ${p.toPrecision(2)}`;
  const reason =
    failed.length > 0
      ? `Worse than the champion by more than ${margin} at ${failed.join(', ')} (${where}).`
      : `At none of ${tested.length} judged values of ${values} is the challenger shown to be worse by more than ${margin} (least sure: ${where}).`;
  return {
    name,
    verdict: failed.length > 0 ? 'fail' : 'pass',
    ...figuresOf(advantage),
    bound: -margin,
    rows,
    reason,
  };
}
