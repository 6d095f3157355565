import type { ArmCounts, JudgeBasis } from '../contracts/release.js';
import { catastrophe, promotionAlpha, spentBy } from './error-budget.js';
import { compareMeans, type MeanOfMany } from './mean-difference.js';
import type { MetricJudgement } from './metric-judgement.js';
import { lowerRate, upperRate } from './rate-bound.js';
import { shareEvidence } from './share-evidence.js';
import { count, evidence, percent } from './words.js';

/**
 * Failed answers of the canary against the baseline's. Harm needs both: evidence that the canary fails more often, and a
 * difference as large as the margin, since a version that fails a little more often than allowed for is nobody's rollback.
 */
export function judgeErrorRate(
  canary: ArmCounts,
  baseline: ArmCounts,
  { policy, dispersion }: JudgeBasis,
): MetricJudgement {
  const value = rate(canary) - rate(baseline);
  const { lower, upper } = boundsOfDifference(canary, baseline);
  const nullShare = canary.requests / Math.max(1, canary.requests + baseline.requests);
  const evidenceAt = (scatter: number): number =>
    shareEvidence({
      canaryEvents: canary.errors / scatter,
      baselineEvents: baseline.errors / scatter,
      nullShare,
    });
  const found = evidenceAt(dispersion.errors);
  const enough = 1 / spentBy('errorRate', policy.alpha);
  const shown = found >= enough || evidenceAt(1) >= catastrophe;
  const harmful = shown && value >= policy.errorRateMargin;
  const harmless = upper < policy.errorRateMargin;
  const arms =
    `${count(canary.errors, 'error')} in ${count(canary.requests, 'request')} (${percent(rate(canary))}) ` +
    `against the baseline's ${baseline.errors} in ${baseline.requests} (${percent(rate(baseline))})`;
  const reason = harmful
    ? `The canary fails more often: ${arms}; ${evidence(found, enough)}.`
    : harmless
      ? `The canary fails at most ${percent(upper)} more often than the baseline, below the margin of ${percent(policy.errorRateMargin)}: ${arms}.`
      : `Not decided: ${arms}; the canary may fail up to ${percent(upper)} more often, the margin is ${percent(policy.errorRateMargin)}.`;
  return {
    required: true,
    finding: {
      name: 'error-rate',
      verdict: harmful ? 'fail' : harmless ? 'pass' : 'inconclusive',
      value,
      lower,
      upper,
      bound: policy.errorRateMargin,
      rows: canary.requests,
      reason,
    },
  };
}

/** Requests of both arms at which the asymptotic bounds are tightest. */
const plannedErrorRows = 20_000;
/** With fewer errors in an arm only the exact bounds of each arm are used. */
const fewestErrors = 20;

/**
 * Bounds of the difference of two error rates: the better of exact bounds of each arm (right when errors are rare) and the
 * asymptotic ones of the difference (right when they are not), each for half of the risk.
 */
function boundsOfDifference(
  canary: ArmCounts,
  baseline: ArmCounts,
): { lower: number; upper: number } {
  const risk = promotionAlpha / 2;
  const exact = {
    lower:
      lowerRate(canary.errors, canary.requests, risk / 2) -
      upperRate(baseline.errors, baseline.requests, risk / 2),
    upper:
      upperRate(canary.errors, canary.requests, risk / 2) -
      lowerRate(baseline.errors, baseline.requests, risk / 2),
  };
  if (Math.min(canary.errors, baseline.errors) < fewestErrors) return exact;
  const asymptotic = compareMeans(errorsOf(canary), errorsOf(baseline), {
    alpha: risk,
    plannedRows: plannedErrorRows,
  });
  if (!asymptotic) return exact;
  return {
    lower: Math.max(exact.lower, asymptotic.lower),
    upper: Math.min(exact.upper, asymptotic.upper),
  };
}

const errorsOf = ({ requests, errors }: ArmCounts): MeanOfMany => ({
  rows: requests,
  sum: errors,
  squares: errors,
});

const rate = ({ errors, requests }: ArmCounts): number => (requests === 0 ? 0 : errors / requests);
