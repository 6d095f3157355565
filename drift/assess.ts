import type { DriftFinding, DriftMemory, Severity } from '../contracts/drift.js';
import type { ModelSpec } from '../contracts/spec.js';
import type { Verdict } from '../contracts/verdict.js';
import type { LabelledCounts, ReferenceProfile, WindowCounts } from '../contracts/window-counts.js';
import { adjustByBenjaminiHochberg } from './benjamini-hochberg.js';
import { alarmAt, continueDetector, continueLossDetectors, meanOf } from './detector.js';
import { judgeLabelRate } from './label-rate.js';
import { judgePerformance, type JudgedPerformance } from './performance.js';
import { testRelevance, type RelevanceResult } from './relevance-test.js';
import { atLeast, severityOf, worstSeverity } from './severity.js';

export interface Assessed {
  reference: ReferenceProfile;
  /** Counts that no check has weighed yet; null while there are none. */
  counts: WindowCounts | null;
  labelled: LabelledCounts;
  monitoring: ModelSpec['monitoring'];
  before: Pick<DriftMemory, 'drift' | 'performance' | 'standing'>;
}

export interface Assessment {
  rows: number;
  verdict: Verdict;
  severity: Severity;
  score: number;
  findings: DriftFinding[];
  performance: JudgedPerformance;
  /** Were there enough rows, and labels, to be weighed? What was not is gathered further. */
  weighed: { counts: boolean; labels: boolean };
  drift: number;
  lossDetectors: number[];
  standing: DriftMemory['standing'];
  /** What stands was found by an earlier check: this one had too few rows to say anything about it. */
  carried: boolean;
}

/** A single check that is as unlikely as this, and at least moderate, raises the alarm by itself. */
const single = 1e-4;

/** Compares what a version sees and says with what it was judged on: inputs, predictions, labels, performance, each with its own error budget. */
export function assess({ reference, counts, labelled, monitoring, before }: Assessed): Assessment {
  const rows = counts ? counts.requests - counts.errors : 0;
  const weighed = {
    counts: rows >= monitoring.minimumRows,
    labels: labelled.rows >= monitoring.minimumRows,
  };
  const performance = judgePerformance(reference, labelled);
  const inputs = weighed.counts && counts ? testInputs(reference, counts, monitoring) : [];
  const findings: DriftFinding[] = [
    ...inputs,
    ...(weighed.counts && counts ? testPredictions(reference, counts, monitoring) : []),
    ...(weighed.labels ? [judgeLabelRate(reference, labelled, monitoring.relevance)] : []),
  ];

  const smallest = Math.min(1, ...inputs.map((each) => each.p ?? 1));
  const drift = weighed.counts ? continueDetector(before.drift, smallest) : before.drift;
  const severity = worstSeverity(inputs.map((each) => each.severity));
  const driftAlarm =
    weighed.counts &&
    severity !== 'none' &&
    (drift >= alarmAt || (smallest <= single && atLeast(severity, 'moderate')));

  const margin = monitoring.retrain.performanceMargin;
  const excess = (performance.logLoss ?? 0) - (performance.expectedLogLoss ?? 0);
  const lossDetectors =
    weighed.labels && performance.error
      ? continueLossDetectors(before.performance, (excess - margin) / performance.error)
      : [...before.performance];
  const lossAlarm = weighed.labels && meanOf(lossDetectors) >= alarmAt;
  findings.push(
    performanceFinding(performance, { margin, weighed: weighed.labels, alarm: lossAlarm }),
  );

  const standing = whatStands(before.standing, {
    weighed,
    loss: lossAlarm ? lossReason(performance, margin) : null,
    drift:
      driftAlarm && monitoring.retrain.drift && severity === 'major' ? driftReason(inputs) : null,
  });
  return {
    rows,
    // A finding that fails is worth a look; only what crossed its error budget over time is an alarm.
    verdict: driftAlarm || lossAlarm ? 'fail' : weighed.counts ? 'pass' : 'inconclusive',
    severity: worstSeverity(findings.map((each) => each.severity)),
    score: Math.max(0, ...inputs.filter(({ p }) => p !== null).map((each) => each.psi ?? 0)),
    findings,
    performance,
    weighed,
    drift,
    lossDetectors,
    standing,
    carried: standing !== null && standing === before.standing,
  };
}

/** An alarm stands until a check of the same kind with enough rows does not repeat it. */
function whatStands(
  before: DriftMemory['standing'],
  {
    weighed,
    loss,
    drift,
  }: { weighed: Assessment['weighed']; loss: string | null; drift: string | null },
): DriftMemory['standing'] {
  if (loss) return { trigger: 'performance', reason: loss };
  if (before?.trigger === 'performance' && !weighed.labels) return before;
  if (drift) return { trigger: 'drift', reason: drift };
  if (before?.trigger === 'drift' && !weighed.counts) return before;
  return null;
}

type Policy = ModelSpec['monitoring'];

function testInputs(
  reference: ReferenceProfile,
  counts: WindowCounts,
  policy: Policy,
): DriftFinding[] {
  const tested = reference.features.flatMap((binning, index) => {
    const before = reference.counts[index];
    const now = counts.features.find((each) => each.name === binning.name);
    if (!before || !now) return [];
    return [{ name: binning.name, result: testRelevance(binning, before, now, policy.relevance) }];
  });
  const weighed = tested.filter(({ name }) => !policy.ignore.includes(name));
  const adjusted = adjustByBenjaminiHochberg(weighed.map(({ result }) => result.p));
  const findings = weighed.map(({ name, result }, index) =>
    relevanceFinding('input', name, result, adjusted[index] ?? 1, policy.falseDiscoveryRate),
  );
  const ignored = tested.filter(({ name }) => policy.ignore.includes(name));
  return [...findings, ...ignored.map(({ name, result }) => ignoredFinding(name, result))];
}

function ignoredFinding(name: string, { psi, unseen, rows }: RelevanceResult): DriftFinding {
  return {
    family: 'input',
    name,
    verdict: 'pass',
    severity: 'none',
    psi,
    p: null,
    unseen,
    rows,
    reason: `${name} is not weighed (monitoring.ignore): PSI ${psi.toFixed(3)}, in ${rows} rows.`,
  };
}

function testPredictions(
  reference: ReferenceProfile,
  counts: WindowCounts,
  policy: Policy,
): DriftFinding[] {
  if (!counts.score) return [];
  const result = testRelevance(
    reference.score,
    reference.scoreCounts,
    counts.score,
    policy.relevance,
  );
  return [relevanceFinding('prediction', 'score', result, result.p, policy.falseDiscoveryRate)];
}

function relevanceFinding(
  family: 'input' | 'prediction',
  name: string,
  { psi, lower, unseen, rows }: RelevanceResult,
  p: number,
  rate: number,
): DriftFinding {
  const drifted = p <= rate;
  const severity = drifted ? severityOf(lower) : 'none';
  const strange = unseen > 0 ? `, ${(100 * unseen).toFixed(1)} % unseen or missing` : '';
  return {
    family,
    name,
    verdict: drifted ? 'fail' : 'pass',
    severity,
    psi,
    p,
    unseen,
    rows,
    reason: drifted
      ? `${name} differs from the hold-out: PSI ${psi.toFixed(3)}, at least ${lower.toFixed(3)}${strange}, in ${rows} rows (adjusted p ${p < 1e-12 ? 'below 1e-12' : p.toPrecision(2)}).`
      : `${name} looks like the hold-out: PSI ${psi.toFixed(3)}${strange}, in ${rows} rows.`,
  };
}

function performanceFinding(
  performance: JudgedPerformance,
  { margin, weighed, alarm }: { margin: number; weighed: boolean; alarm: boolean },
): DriftFinding {
  const certain = performance.lower ?? 0;
  const severity: Severity = !alarm ? 'none' : certain >= 2 * margin ? 'major' : 'moderate';
  return {
    family: 'performance',
    name: 'log-loss',
    verdict: !weighed ? 'inconclusive' : alarm ? 'fail' : 'pass',
    severity,
    psi: null,
    p: null,
    unseen: 0,
    rows: performance.rows,
    reason: !weighed
      ? `${performance.rows} labels have come since the last check that weighed them: too few.`
      : alarm
        ? lossReason(performance, margin)
        : `Log-loss is ${excessInWords(performance)}; the margin of ${margin} is not shown to be passed.`,
  };
}

function excessInWords({
  logLoss,
  expectedLogLoss,
  lower,
  upper,
  rows,
}: JudgedPerformance): string {
  const text = (value: number | null): string => (value ?? 0).toFixed(4);
  const excess = (logLoss ?? 0) - (expectedLogLoss ?? 0);
  return `${text(logLoss)} on ${rows} labelled answers, ${text(excess)} (${text(lower)} to ${text(upper)}) off what the hold-out promises at this base rate`;
}

const lossReason = (performance: JudgedPerformance, margin: number): string =>
  `Predictions became worse: log-loss is ${excessInWords(performance)}, over several checks more than the margin of ${margin}.`;

function driftReason(inputs: readonly DriftFinding[]): string {
  const severe = inputs
    .filter((each) => each.severity === 'major')
    .toSorted((a, b) => (b.psi ?? 0) - (a.psi ?? 0));
  return `Inputs moved away from what the model was judged on. ${severe.map((each) => each.reason).join(' ')}`;
}
