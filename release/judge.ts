import type { ArmCounts, JudgeBasis, Judgement, Recommendation } from '../contracts/release.js';
import type { Finding, Verdict } from '../contracts/verdict.js';
import { judgeErrorRate } from './error-rate.js';
import { judgeLabelledLoss } from './labelled-loss.js';
import type { MetricJudgement } from './metric-judgement.js';
import { sampleRatioEvidence, sampleRatioLimit } from './sample-ratio.js';
import { judgeLatency } from './slow-answers.js';
import { count } from './words.js';

/** All that a look has before it. Counts run from the beginning of the release, so that each step builds on the one before. */
export interface Look {
  step: number;
  look: number;
  at: string;
  canary: ArmCounts;
  baseline: ArmCounts;
  expectedShare: number;
  basis: JudgeBasis;
}

/**
 * Judges a canary against its concurrent baseline. One may look as often as one likes: a harmless version is rolled back with a
 * chance of at most `alpha` over the whole release. Pure: the stored judgement, judged again, gives the same answer.
 */
export function judgeStep(look: Look): Judgement {
  const { canary, baseline, basis } = look;
  const split = judgeSplit(look);
  const metrics = [
    judgeErrorRate(canary, baseline, basis),
    judgeLatency(canary, baseline, basis),
    judgeLabelledLoss(canary, baseline, basis),
  ];
  const { recommendation, reason } = recommend(split, metrics, basis);
  return {
    schemaVersion: 1,
    step: look.step,
    look: look.look,
    at: look.at,
    canary,
    baseline,
    expectedShare: look.expectedShare,
    alpha: basis.policy.alpha,
    basis,
    findings: [split, ...metrics.map(({ finding }) => finding)],
    verdict: verdictOf(recommendation),
    recommendation,
    reason,
  };
}

function judgeSplit({ canary, baseline, expectedShare }: Look): Finding {
  const value = sampleRatioEvidence({
    canary: canary.entities,
    baseline: baseline.entities,
    expectedShare,
  });
  const broken = value >= sampleRatioLimit;
  const seen = `Of the entities ${canary.entities} came to the canary, ${baseline.entities} to the baseline`;
  return {
    name: 'sample-ratio',
    verdict: broken ? 'fail' : 'pass',
    value,
    lower: null,
    upper: null,
    bound: sampleRatioLimit,
    rows: canary.entities + baseline.entities,
    reason: broken
      ? `The arms are not split as the route asks: ${seen}. They cannot be compared.`
      : `${seen}, as the route asks.`,
  };
}

function recommend(
  split: Finding,
  metrics: readonly MetricJudgement[],
  { exposure, policy }: JudgeBasis,
): { recommendation: Recommendation; reason: string } {
  const findings = metrics.map(({ finding }) => finding);
  const harm = findings.filter((each) => each.verdict === 'fail');
  if (split.verdict === 'fail') return { recommendation: 'ask', reason: split.reason };
  if (harm.length > 0) {
    return { recommendation: 'rollback', reason: harm.map((each) => each.reason).join(' ') };
  }
  const open = metrics
    .filter(({ finding, required }) => required && finding.verdict !== 'pass')
    .map(({ finding }) => finding);
  const unseen = Math.max(0, policy.minimumRequests - exposure.requests);
  const early = exposure.milliseconds < policy.minimumTime;
  if (open.length === 0 && unseen === 0 && !early) {
    const judged = findings.filter((each) => each.verdict === 'pass');
    return { recommendation: 'promote', reason: judged.map((each) => each.reason).join(' ') };
  }
  const missing = [
    ...(unseen > 0
      ? [`${count(unseen, 'request')} short of the ${policy.minimumRequests} a step needs.`]
      : []),
    ...open.map((each) => each.reason),
  ].join(' ');
  if (exposure.milliseconds >= policy.maximumTime) {
    return {
      recommendation: 'ask',
      reason:
        `No answer within ${policy.maximumTime / 1_000} s: a person decides. ${missing}`.trim(),
    };
  }
  return {
    recommendation: 'wait',
    reason: missing || `A step lasts at least ${policy.minimumTime / 1_000} s.`,
  };
}

function verdictOf(recommendation: Recommendation): Verdict {
  if (recommendation === 'rollback') return 'fail';
  return recommendation === 'promote' ? 'pass' : 'inconclusive';
}
