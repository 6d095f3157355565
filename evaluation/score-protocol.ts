import type { ErrorCode } from '../contracts/errors.js';
import type { Feature } from '../contracts/spec.js';

export type ScoredFeature = Pick<Feature, 'name' | 'type'>;

/** What the scoring thread is given. Every model reads the same rows. */
export interface ScoreTask {
  /** Prepared Parquet file: features and label (contracts/dataset.ts). */
  data: string;
  features: ScoredFeature[];
  models: { path: string; features: ScoredFeature[] }[];
  maximumRows: number;
  threads: number;
}

export interface ScoredRows {
  /** A value a row for each feature: numbers in single precision (NaN = missing), categories as text ('' = missing). */
  columns: Record<string, Float32Array | string[]>;
  labels: Uint8Array;
  /** P(label = 1) per row, one array a model. */
  scores: Float64Array[];
  /** Rows of the file; more than were scored when it is larger than the limit. */
  total: number;
}

export type ScoreMessage =
  | { kind: 'progress'; rows: number; total: number }
  | { kind: 'done'; result: ScoredRows }
  | { kind: 'failed'; code: ErrorCode | null; message: string };
