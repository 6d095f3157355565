/** Values nearer to one than this say "nothing at all" and would otherwise outweigh what the other tests found. */
const largest = 0.99;

/** One p-value from several that may depend on each other (Liu and Xie 2020). */
export function combineByCauchy(pValues: readonly number[]): number {
  if (pValues.length === 0) return 1;
  const mean = pValues.reduce((sum, p) => sum + cauchyOf(Math.min(p, largest)), 0) / pValues.length;
  return mean > 1e15 ? 1 / (mean * Math.PI) : 0.5 - Math.atan(mean) / Math.PI;
}

function cauchyOf(p: number): number {
  const clipped = Math.max(p, 1e-300);
  // The tangent has lost its digits there.
  return clipped < 1e-15 ? 1 / (clipped * Math.PI) : Math.tan((0.5 - clipped) * Math.PI);
}
