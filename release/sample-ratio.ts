import { lnBeta } from '../statistics/special.js';

/** Above this e-value the split is broken, and no comparison of the arms means anything. */
export const sampleRatioLimit = 1_000;

/**
 * Evidence that entities do not come to the arms in the ratio that the route asks for (Lindon and Malek 2022): an e-value of a
 * beta prior worth a hundred entities, centred at the expected share.
 */
export function sampleRatioEvidence({
  canary,
  baseline,
  expectedShare,
}: {
  canary: number;
  baseline: number;
  expectedShare: number;
}): number {
  if (expectedShare <= 0 || expectedShare >= 1) return 1;
  const a = 100 * expectedShare;
  const b = 100 - a;
  const logValue =
    lnBeta(a + canary, b + baseline) -
    lnBeta(a, b) -
    canary * Math.log(expectedShare) -
    baseline * Math.log1p(-expectedShare);
  return Math.exp(Math.min(logValue, 700));
}
