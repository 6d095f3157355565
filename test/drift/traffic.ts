import type { ReferenceProfile, WindowCounts } from '../../contracts/window-counts.js';
import { buildReferenceProfile } from '../../drift/reference.js';
import { createWindowCounter } from '../../drift/window-counts.js';
import type { RandomSource } from '../../statistics/random.js';

export interface Rows {
  values: Record<string, number | string>[];
  scores: number[];
}

export interface Shift {
  mean?: number;
  spread?: number;
  /** Share of rows from an airport nobody has seen. */
  unseen?: number;
  score?: number;
}

const features = [
  { name: 'normal', type: 'number' },
  { name: 'hour', type: 'number' },
  { name: 'skewed', type: 'number' },
  { name: 'airport', type: 'category' },
] as const;

export function normalFrom(random: RandomSource): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export function drawRows(random: RandomSource, rows: number, shift: Shift = {}): Rows {
  const { mean = 0, spread = 1, unseen = 0, score = 0 } = shift;
  const drawn: Rows = { values: [], scores: [] };
  for (let row = 0; row < rows; row += 1) {
    drawn.values.push({
      normal: mean + spread * normalFrom(random),
      hour: Math.floor(24 * random()),
      skewed: Math.exp(normalFrom(random)),
      airport: random() < unseen ? 'NEW' : `A${Math.floor(1 / (0.02 + random()))}`,
    });
    drawn.scores.push(1 / (1 + Math.exp(1.5 - score - normalFrom(random))));
  }
  return drawn;
}

export function referenceOf({ values, scores }: Rows, random: RandomSource): ReferenceProfile {
  const column = (name: string): Float32Array =>
    Float32Array.from(values, (each) => Number(each[name]));
  return buildReferenceProfile({
    features,
    columns: {
      normal: column('normal'),
      hour: column('hour'),
      skewed: column('skewed'),
      airport: values.map((each) => String(each.airport)),
    },
    scores: Float64Array.from(scores),
    labels: Uint8Array.from(scores, (score) => (random() < score ? 1 : 0)),
  });
}

export function countRows(reference: ReferenceProfile, { values, scores }: Rows): WindowCounts {
  const counter = createWindowCounter(reference);
  for (const [row, each] of values.entries())
    counter.countAnswer({ values: each, score: scores[row] ?? 0, latencyMicros: 100 });
  return counter.snapshot();
}
