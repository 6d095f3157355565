import type { ArmCounts, JudgeBasis } from '../contracts/release.js';
import { promotionAlpha, spentBy } from './error-budget.js';
import { compareMeans, fewestRows, type MeanOfMany } from './mean-difference.js';
import type { MetricJudgement } from './metric-judgement.js';

/**
 * Log-loss of the answers whose label came in time. It takes part once both arms have 200 of them; where labels come later
 * than the release ends, it stops nobody.
 */
export function judgeLabelledLoss(
  canary: ArmCounts,
  baseline: ArmCounts,
  { policy }: JudgeBasis,
): MetricJudgement {
  const rows = Math.min(canary.labelled, baseline.labelled);
  const bound = policy.businessMargin;
  const plannedRows = Math.max(2 * policy.minimumRequests, 2 * fewestRows);
  const bounds = (alpha: number) =>
    compareMeans(lossesOf(canary), lossesOf(baseline), { alpha, plannedRows });
  const strict = bounds(spentBy('logLoss', policy.alpha));
  const usual = bounds(promotionAlpha);
  if (!strict || !usual) {
    return {
      required: false,
      finding: {
        name: 'log-loss',
        verdict: 'inconclusive',
        value: null,
        lower: null,
        upper: null,
        bound,
        rows,
        reason: `Only ${rows} labels have come for one of the arms, ${fewestRows} are needed: not judged.`,
      },
    };
  }
  const { value, upper } = usual;
  const { lower } = strict;
  const harmful = lower > 0 && value >= bound;
  const harmless = upper < bound;
  const difference = `the canary's log-loss differs by ${value.toFixed(3)} (${usual.lower.toFixed(3)} to ${upper.toFixed(3)}) on ${canary.labelled} labelled answers`;
  return {
    required: true,
    finding: {
      name: 'log-loss',
      verdict: harmful ? 'fail' : harmless ? 'pass' : 'inconclusive',
      value,
      lower,
      upper,
      bound,
      rows,
      reason: harmful
        ? `The canary predicts worse: ${difference}, the margin is ${bound}.`
        : harmless
          ? `The canary predicts no worse than the margin of ${bound} allows: ${difference}.`
          : `Not decided: ${difference}, the margin is ${bound}.`,
    },
  };
}

const lossesOf = (arm: ArmCounts): MeanOfMany => ({
  rows: arm.labelled,
  sum: arm.logLossSum,
  squares: arm.logLossSquares,
});
