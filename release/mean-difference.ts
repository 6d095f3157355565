export interface MeanOfMany {
  rows: number;
  sum: number;
  squares: number;
}

export interface MeanDifference {
  value: number;
  /** One-sided bounds, each of which holds at all looks together with a chance of at least 1 - alpha. */
  lower: number;
  upper: number;
}

/** With fewer rows in an arm the asymptotic bounds below are not to be trusted. */
export const fewestRows = 200;

/**
 * Difference of two means with asymptotic confidence bounds that may be looked at as often as one likes
 * (Waudby-Smith et al. 2021, arXiv 2103.06476). `plannedRows` is the size at which the bounds are tightest.
 */
export function compareMeans(
  canary: MeanOfMany,
  baseline: MeanOfMany,
  { alpha, plannedRows }: { alpha: number; plannedRows: number },
): MeanDifference | null {
  if (canary.rows < fewestRows || baseline.rows < fewestRows) return null;
  const value = canary.sum / canary.rows - baseline.sum / baseline.rows;
  const rows = canary.rows + baseline.rows;
  const variance = rows * (varianceOfMean(canary) + varianceOfMean(baseline));
  const tuning =
    (-2 * Math.log(2 * alpha) + Math.log(1 - 2 * Math.log(2 * alpha))) / Math.max(plannedRows, 1);
  const scaled = rows * tuning;
  const width = Math.sqrt(
    ((2 * variance * (scaled + 1)) / (rows * scaled)) *
      Math.log1p(Math.sqrt(scaled + 1) / (2 * alpha)),
  );
  return { value, lower: value - width, upper: value + width };
}

function varianceOfMean({ rows, sum, squares }: MeanOfMany): number {
  const mean = sum / rows;
  return Math.max(0, squares / rows - mean * mean) / (rows - 1);
}
