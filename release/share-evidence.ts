import { betaUpper, lnBeta } from '../statistics/special.js';

/** Weights of the prior: from blunt (a large change shows within a dozen events) to fine (a small one within thousands). */
const concentrations = [4, 20, 100];

/**
 * Evidence that the canary has more than its share of events (errors, slow answers), as an e-value: however often one looks, it
 * exceeds 1/alpha with a chance of at most alpha while the canary's share is `nullShare` or less. Only events count, so rates that
 * move up and down for both arms together do not matter. A mixture over betas centred at the null share and cut off below it.
 */
export function shareEvidence({
  canaryEvents,
  baselineEvents,
  nullShare,
}: {
  canaryEvents: number;
  baselineEvents: number;
  nullShare: number;
}): number {
  if (canaryEvents + baselineEvents === 0) return 1;
  if (nullShare <= 0 || nullShare >= 1) return 1;
  const logNull = canaryEvents * Math.log(nullShare) + baselineEvents * Math.log1p(-nullShare);
  const values = concentrations.map((concentration) => {
    const a = 2 * concentration * nullShare;
    const b = 2 * concentration * (1 - nullShare);
    // Where this tail underflows the events speak so clearly for the null that the evidence is nil.
    const above = betaUpper(nullShare, a + canaryEvents, b + baselineEvents);
    if (above === 0) return 0;
    const logValue =
      lnBeta(a + canaryEvents, b + baselineEvents) +
      Math.log(above) -
      lnBeta(a, b) -
      Math.log(betaUpper(nullShare, a, b)) -
      logNull;
    return Math.exp(Math.min(logValue, 700));
  });
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}
