import { z } from 'zod';

/**
 * How one value of a model is binned. Numbers: `edges` ascending; value v falls in bin i where edges[i-1] <= v < edges[i]
 * (edges.length + 1 bins). Categories: one bin a value. Both end with two more cells: missing, and unseen (NaN, infinite or unknown).
 */
export const binning = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('number'),
    name: z.string(),
    edges: z.array(z.number()),
    /** Winsorising bounds (0.5 % and 99.5 %), mean and standard deviation of the reference. */
    low: z.number(),
    high: z.number(),
    mean: z.number(),
    deviation: z.number(),
  }),
  z.strictObject({ type: z.literal('category'), name: z.string(), values: z.array(z.string()) }),
]);
export type Binning = z.infer<typeof binning>;

/** Counts per cell of one value, and for numbers the winsorised sum. */
export const valueCounts = z.strictObject({
  name: z.string(),
  cells: z.array(z.int().nonnegative()),
  /** Sum of values clipped to [low, high]; 0 for categories. */
  sum: z.number(),
});
export type ValueCounts = z.infer<typeof valueCounts>;

/** The distribution a version was judged on: the hold-out for drift. `score` is the predicted probability. */
export const referenceProfile = z.strictObject({
  schemaVersion: z.literal(1),
  rows: z.int().nonnegative(),
  features: z.array(binning),
  score: binning,
  counts: z.array(valueCounts),
  scoreCounts: valueCounts,
  positives: z.int().nonnegative(),
  logLoss: z.number(),
  brier: z.number(),
  /** Ten equal-mass score bins: predicted mean and observed share, for base-rate-corrected expectations. */
  calibration: z.array(
    z.strictObject({ rows: z.int(), predicted: z.number(), observed: z.number() }),
  ),
});
export type ReferenceProfile = z.infer<typeof referenceProfile>;

/** Fixed upper bounds of the latency histogram in microseconds; one more bin above the last. */
export const latencyBounds = [
  50, 71, 100, 141, 200, 283, 400, 566, 800, 1_131, 1_600, 2_263, 3_200, 4_525, 6_400, 9_051,
  12_800, 18_102, 25_600, 36_204, 51_200, 102_400, 204_800, 409_600, 819_200, 1_638_400,
] as const;

/** Scores are single precision: nearer to 0 or 1 than this they cannot be told from it, and a certain error would cost infinity. */
export const scoreClip = 1e-7;

/** What one gateway counted of one arm in one window. Cumulative within (gateway, epoch): writing it again replaces it. */
export const windowCounts = z.strictObject({
  requests: z.int().nonnegative(),
  errors: z.int().nonnegative(),
  /** Counts per latency bin, `latencyBounds.length + 1` of them; answered requests only. */
  latency: z.array(z.int().nonnegative()),
  features: z.array(valueCounts),
  score: valueCounts.nullable(),
});
export type WindowCounts = z.infer<typeof windowCounts>;

/** Sums over predictions of an arm whose label has arrived. */
export const labelledCounts = z.strictObject({
  rows: z.int().nonnegative(),
  positives: z.int().nonnegative(),
  scoreSum: z.number(),
  logLossSum: z.number(),
  logLossSquares: z.number(),
  brierSum: z.number(),
});
export type LabelledCounts = z.infer<typeof labelledCounts>;
