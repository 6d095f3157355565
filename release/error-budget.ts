/**
 * How the chance of rolling back a harmless version is spent over a whole release. The weights of the metrics add up to 1; of each
 * metric's part one half goes to its e-process, the other is kept for a group-sequential test beside it.
 */
const metricWeights = { errorRate: 0.4, latency: 0.3, logLoss: 0.3 } as const;
export type JudgedMetric = keyof typeof metricWeights;

const eProcessPart = 0.5;

/** What the e-process of one metric may spend. */
export function spentBy(metric: JudgedMetric, alpha: number): number {
  return alpha * metricWeights[metric] * eProcessPart;
}

/** Evidence that aborts at once, scattered or not: 32 failures of the canary in a row. */
export const catastrophe = 1e6;

/** Chance of taking a version for harmless whose harm is the margin: per metric, since all of them must agree. */
export const promotionAlpha = 0.05;
