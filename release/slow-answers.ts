import type { ArmCounts, JudgeBasis } from '../contracts/release.js';
import { catastrophe, promotionAlpha, spentBy } from './error-budget.js';
import { answersAbove, relaxedBound } from './latency.js';
import type { MetricJudgement } from './metric-judgement.js';
import { upperRate } from './rate-bound.js';
import { shareEvidence } from './share-evidence.js';
import { evidence, milliseconds, percent } from './words.js';

const slowShare = 0.05;

/**
 * Answers slower than the champion's 95th percentile, counted in both arms at once. Harm needs evidence that the canary has
 * more of them, and that even with the margin's allowance it is no faster than the baseline without.
 */
export function judgeLatency(
  canary: ArmCounts,
  baseline: ArmCounts,
  { policy, dispersion, latencyBound }: JudgeBasis,
): MetricJudgement {
  const answers = answered(canary);
  const baselineAnswers = answered(baseline);
  if (latencyBound === null || answers === 0 || baselineAnswers === 0) {
    return undecided(answers, 'Too few answers were seen to say what a slow one is.');
  }
  const allowed = relaxedBound(latencyBound, policy.latencyRatioMargin);
  const slow = answersAbove(canary.latency, latencyBound);
  const verySlow = answersAbove(canary.latency, allowed);
  const baselineSlow = answersAbove(baseline.latency, latencyBound);
  const nullShare = answers / (answers + baselineAnswers);

  const evidenceAt = (scatter: number): number =>
    shareEvidence({
      canaryEvents: slow / scatter,
      baselineEvents: baselineSlow / scatter,
      nullShare,
    });
  const found = evidenceAt(dispersion.latency);
  const enough = 1 / spentBy('latency', policy.alpha);
  const shown = found >= enough || evidenceAt(1) >= catastrophe;
  const harmful = shown && verySlow / answers >= Math.max(baselineSlow / baselineAnswers, 0.01);

  // The same test turned round: with the allowance the canary has fewer slow answers than the baseline has without it.
  const fewer = shareEvidence({
    canaryEvents: baselineSlow / dispersion.latency,
    baselineEvents: verySlow / dispersion.latency,
    nullShare: 1 - nullShare,
  });
  const upper = upperRate(verySlow, answers, promotionAlpha / 2);
  const harmless = fewer >= 2 / promotionAlpha || upper < slowShare;

  const arms =
    `${percent(slow / answers)} of the canary's answers took ${milliseconds(latencyBound)} or more, ` +
    `${percent(baselineSlow / baselineAnswers)} of the baseline's`;
  const reason = harmful
    ? `The canary is slower: ${arms}, and ${percent(verySlow / answers)} even ${milliseconds(allowed)}; ${evidence(found, enough)}.`
    : harmless
      ? `The canary is not slower by the margin: ${arms}; ${percent(verySlow / answers)} took ${milliseconds(allowed)}.`
      : `Not decided: ${arms}; ${percent(verySlow / answers)} took ${milliseconds(allowed)} or more.`;
  return {
    required: true,
    finding: {
      name: 'latency-p95',
      verdict: harmful ? 'fail' : harmless ? 'pass' : 'inconclusive',
      value: verySlow / answers,
      lower: null,
      upper,
      bound: slowShare,
      rows: answers,
      reason,
    },
  };
}

function undecided(rows: number, reason: string): MetricJudgement {
  return {
    required: true,
    finding: {
      name: 'latency-p95',
      verdict: 'inconclusive',
      value: null,
      lower: null,
      upper: null,
      bound: slowShare,
      rows,
      reason,
    },
  };
}

const answered = (arm: ArmCounts): number => arm.requests - arm.errors;
