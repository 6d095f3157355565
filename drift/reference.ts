import type { Feature } from '../contracts/spec.js';
import type { Binning, ReferenceProfile, ValueCounts } from '../contracts/window-counts.js';
import { equalMassEdges } from './equal-mass-edges.js';
import { logLossOf } from './log-loss.js';
import { createValueCounter } from './window-counts.js';

/** Categories that get a cell of their own; the rest is counted as unseen, in the reference as in production. */
const categoriesKept = 50;
const calibrationBins = 10;

export interface ReferenceRows {
  features: readonly Pick<Feature, 'name' | 'type'>[];
  columns: Readonly<Record<string, Float32Array | string[]>>;
  scores: Float64Array;
  labels: Uint8Array;
}

/** The distribution a version was judged on, as counts in fixed bins: what every later window of that version is compared with. */
export function buildReferenceProfile({
  features,
  columns,
  scores,
  labels,
}: ReferenceRows): ReferenceProfile {
  const profiles = features.map((feature) => profileColumn(feature, columns[feature.name]));
  const score = profileNumbers('score', scores);
  let positives = 0;
  let logLoss = 0;
  let brier = 0;
  for (const [row, scored] of scores.entries()) {
    const label = labels[row] ?? 0;
    positives += label;
    logLoss += logLossOf(scored, label);
    brier += (scored - label) ** 2;
  }
  const rows = scores.length;
  return {
    schemaVersion: 1,
    rows,
    features: profiles.map(({ binning }) => binning),
    score: score.binning,
    counts: profiles.map(({ counts }) => counts),
    scoreCounts: score.counts,
    positives,
    logLoss: rows === 0 ? 0 : logLoss / rows,
    brier: rows === 0 ? 0 : brier / rows,
    calibration: calibrationOf(scores, labels),
  };
}

interface ColumnProfile {
  binning: Binning;
  counts: ValueCounts;
}

function profileColumn(
  { name, type }: Pick<Feature, 'name' | 'type'>,
  column: Float32Array | string[] | undefined,
): ColumnProfile {
  if (!column) throw new RangeError(`The rows have no column '${name}'`);
  if (type === 'number') {
    if (Array.isArray(column)) throw new RangeError(`Column '${name}' holds text, not numbers`);
    return profileNumbers(name, column);
  }
  if (!Array.isArray(column)) throw new RangeError(`Column '${name}' holds numbers, not text`);
  return profileCategories(name, column);
}

function profileNumbers(name: string, column: Float32Array | Float64Array): ColumnProfile {
  const sorted = column.filter((value) => Number.isFinite(value)).toSorted();
  const low = quantile(sorted, 0.005);
  const high = quantile(sorted, 0.995);
  let mean = 0;
  let squares = 0;
  for (const [index, value] of sorted.entries()) {
    const clipped = Math.min(high, Math.max(low, value));
    const step = clipped - mean;
    mean += step / (index + 1);
    squares += step * (clipped - mean);
  }
  const deviation = sorted.length > 1 ? Math.sqrt(squares / (sorted.length - 1)) : 0;
  const binning: Binning = {
    type: 'number',
    name,
    edges: equalMassEdges(sorted),
    low,
    high,
    mean,
    deviation,
  };
  return { binning, counts: countAll(binning, column) };
}

function profileCategories(name: string, column: readonly string[]): ColumnProfile {
  const occurrences = new Map<string, number>();
  for (const value of column) occurrences.set(value, (occurrences.get(value) ?? 0) + 1);
  const values = [...occurrences]
    .toSorted(([a, timesA], [b, timesB]) => timesB - timesA || (a < b ? -1 : 1))
    .slice(0, categoriesKept)
    .map(([value]) => value);
  const binning: Binning = { type: 'category', name, values };
  return { binning, counts: countAll(binning, column) };
}

function countAll(binning: Binning, column: Iterable<number | string>): ValueCounts {
  const counter = createValueCounter(binning);
  for (const value of column) counter.count(value);
  return counter.snapshot();
}

function quantile(sorted: Float32Array | Float64Array, share: number): number {
  if (sorted.length === 0) return 0;
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}

/** Ten bins of equal mass along the score; rows with equal scores stay in the order of their index, so that the bins are the same every time. */
function calibrationOf(scores: Float64Array, labels: Uint8Array): ReferenceProfile['calibration'] {
  const order = Uint32Array.from(scores.keys()).toSorted(
    (a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b,
  );
  const bins: ReferenceProfile['calibration'] = [];
  for (let bin = 0; bin < calibrationBins; bin += 1) {
    const from = Math.floor((bin * order.length) / calibrationBins);
    const to = Math.floor(((bin + 1) * order.length) / calibrationBins);
    if (to === from) continue;
    let predicted = 0;
    let observed = 0;
    for (const row of order.subarray(from, to)) {
      predicted += scores[row] ?? 0;
      observed += labels[row] ?? 0;
    }
    const rows = to - from;
    bins.push({ rows, predicted: predicted / rows, observed: observed / rows });
  }
  return bins;
}
