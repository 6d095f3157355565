import type { ModelSpec } from '../contracts/spec.js';
import type { Finding, Verdict } from '../contracts/verdict.js';
import { compareModels } from './estimate.js';
import { undecided } from './finding.js';
import { judgeBars } from './gates/bars.js';
import { judgeRows } from './gates/minimum-rows.js';
import { judgeAdvantage } from './gates/non-inferiority.js';
import { judgeSlices } from './gates/slices.js';
import type { Slice } from './slices.js';

/** The champion's answers on the same rows; why there are none; or null when the model has no champion yet. */
export type ChampionScores = { scores: Float64Array } | { incomparable: string } | null;

/** All gates of an evaluation. Without a champion only the number of rows and the bars are judged. */
export function judgeGates(
  policy: ModelSpec['evaluation'],
  {
    labels,
    challenger,
    champion,
    slices,
  }: {
    labels: Uint8Array;
    challenger: Float64Array;
    champion: ChampionScores;
    slices: readonly Slice[];
  },
): Finding[] {
  const findings = [
    judgeRows(labels, policy.minimumRows),
    ...judgeBars(policy.bars, labels, challenger),
  ];
  if (!champion) return findings;
  if ('incomparable' in champion) {
    return [...findings, notComparable(policy, labels.length, champion.incomparable)];
  }
  const advantage = compareModels(policy.primary, labels, challenger, champion.scores);
  return [
    ...findings,
    judgeAdvantage(policy.primary, advantage, policy.margin, labels.length),
    ...judgeSlices(policy.primary, slices, policy.sliceMargin),
  ];
}

const worstFirst = ['fail', 'error', 'inconclusive', 'pass'] as const satisfies Verdict[];

/** The worst of all: fail, then error, then inconclusive, then pass. */
export function overallVerdict(findings: readonly Finding[]): Verdict {
  return worstFirst.find((each) => findings.some(({ verdict }) => verdict === each)) ?? 'pass';
}

function notComparable(policy: ModelSpec['evaluation'], rows: number, why: string): Finding {
  return undecided(
    { name: `champion:${policy.primary}`, bound: -policy.margin, rows },
    `The champion could not be compared: ${why}`,
  );
}
