import type { EvaluationReport, MetricValues } from '../contracts/evaluation.js';
import type { MetricName, ModelSpec } from '../contracts/spec.js';
import type { Finding, Verdict } from '../contracts/verdict.js';
import { roundTo12 } from '../statistics/round.js';
import { calibrationOf } from './calibration.js';
import { measures } from './estimate.js';
import { judgeGates, overallVerdict, type ChampionScores } from './gates.js';
import { cutSlices, type Slice } from './slices.js';
import { countInWords, inWords, metricWords } from './words.js';

export interface JudgedRows {
  columns: Readonly<Record<string, Float32Array | string[]>>;
  labels: Uint8Array;
  challenger: Float64Array;
  champion: ChampionScores;
}

/** Judges a challenger on a hold-out, against the champion if there is one. Pure: the same rows give the same report. */
export function buildReport(
  policy: ModelSpec['evaluation'],
  identity: Pick<EvaluationReport, 'model' | 'modelSha256' | 'championSha256' | 'holdoutSha256'>,
  { columns, labels, challenger, champion }: JudgedRows,
): EvaluationReport {
  const championScores = champion && 'scores' in champion ? champion.scores : null;
  const slices = cutSlices(policy.slices, {
    columns,
    labels,
    challenger,
    champion: championScores,
  });
  const gates = judgeGates(policy, { labels, challenger, champion, slices });
  const metrics = measure(labels, challenger);
  const championMetrics = championScores && measure(labels, championScores);
  const verdict = overallVerdict(gates);
  return {
    schemaVersion: 1,
    ...identity,
    rows: labels.length,
    positives: labels.reduce((sum, label) => sum + label, 0),
    metrics,
    championMetrics,
    calibration: calibrationOf(labels, challenger),
    slices: slices.map(measureSlice),
    gates,
    verdict,
    summary: summarise(policy.primary, {
      verdict,
      gates,
      metrics,
      championMetrics,
      champion,
      labels,
    }),
  };
}

function measure(labels: Uint8Array, scores: Float64Array): MetricValues {
  return Object.fromEntries(
    Object.entries(measures).map(([name, measureRows]) => {
      const value = measureRows(labels, scores);
      return [name, value === null ? null : roundTo12(value)];
    }),
  );
}

function measureSlice({
  feature,
  value,
  labels,
  challenger,
}: Slice): EvaluationReport['slices'][number] {
  return { feature, value, rows: labels.length, metrics: measure(labels, challenger) };
}

function summarise(
  primary: MetricName,
  {
    verdict,
    gates,
    metrics,
    championMetrics,
    champion,
    labels,
  }: {
    verdict: Verdict;
    gates: readonly Finding[];
    metrics: MetricValues;
    championMetrics: MetricValues | null;
    champion: ChampionScores;
    labels: Uint8Array;
  },
): string {
  const ours = metrics[primary] ?? null;
  const theirs = championMetrics?.[primary] ?? null;
  const against = champion
    ? `the champion's is ${theirs === null ? 'not comparable' : inWords(theirs)}`
    : 'there is no champion yet, so only the bars were judged';
  const value = ours === null ? 'undefined' : inWords(ours);
  const deciding = gates.find((gate) => gate.verdict === verdict && verdict !== 'pass');
  const why = deciding ? ` ${deciding.reason}` : '';
  return `${verdict}: ${metricWords[primary]} ${value} on ${countInWords(labels.length)} rows; ${against}.${why}`;
}
