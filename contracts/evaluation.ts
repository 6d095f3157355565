import { z } from 'zod';
import { artifactRef, sha256 } from './names.js';
import { metricName } from './spec.js';
import { finding, verdict } from './verdict.js';

export const metricValues = z.partialRecord(metricName, z.number().nullable());
export type MetricValues = z.infer<typeof metricValues>;

const slice = z.strictObject({
  feature: z.string(),
  value: z.string(),
  rows: z.int().nonnegative(),
  metrics: metricValues,
});

/** Ten equal-mass bins of the predicted probability with the share that came true. */
const calibrationBin = z.strictObject({
  rows: z.int(),
  predicted: z.number(),
  observed: z.number(),
});

/** One version judged on one hold-out. Immutable; its digest is part of the evidence. */
export const evaluationReport = z.strictObject({
  schemaVersion: z.literal(1),
  model: z.string(),
  modelSha256: sha256,
  championSha256: sha256.nullable(),
  holdoutSha256: sha256,
  rows: z.int().nonnegative(),
  positives: z.int().nonnegative(),
  metrics: metricValues,
  championMetrics: metricValues.nullable(),
  calibration: z.array(calibrationBin),
  slices: z.array(slice),
  gates: z.array(finding),
  verdict,
  /** What to say to a person: one sentence. */
  summary: z.string(),
});
export type EvaluationReport = z.infer<typeof evaluationReport>;

/** Rows and the evaluation's own answers, which serving must reproduce before any traffic moves. */
export const goldenPredictions = z.strictObject({
  schemaVersion: z.literal(1),
  /** A value a row for each feature; null is a missing number. */
  inputs: z.record(z.string(), z.array(z.union([z.number(), z.string(), z.null()]))),
  probabilities: z.array(z.number()),
});
export type GoldenPredictions = z.infer<typeof goldenPredictions>;

/** Distribution of inputs, predictions and label on the hold-out: what drift is measured against. See contracts/window-counts. */
export const evaluated = z.strictObject({
  verdict,
  summary: z.string(),
  report: artifactRef,
  golden: artifactRef,
  reference: artifactRef,
  gates: z.array(finding),
  metrics: metricValues,
  championMetrics: metricValues.nullable(),
});
export type Evaluated = z.infer<typeof evaluated>;
