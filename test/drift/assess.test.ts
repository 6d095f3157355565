import { describe, expect, test } from 'vitest';
import { modelSpec, type ModelSpecInput } from '../../contracts/spec.js';
import type { LabelledCounts } from '../../contracts/window-counts.js';
import { assess, type Assessed, type Assessment } from '../../drift/assess.js';
import { alarmAt, continueDetector, continueLossDetectors, meanOf } from '../../drift/detector.js';
import { logLossOf } from '../../drift/log-loss.js';
import { expectedAt, judgePerformance } from '../../drift/performance.js';
import { randomFrom, type RandomSource } from '../../statistics/random.js';
import { countRows, drawRows, normalFrom, referenceOf, type Shift } from './traffic.js';

const random = randomFrom('assess');
const reference = referenceOf(drawRows(random, 20_000), random);
const noLabels: LabelledCounts = {
  rows: 0,
  positives: 0,
  scoreSum: 0,
  logLossSum: 0,
  logLossSquares: 0,
  brierSum: 0,
};
const nothingBefore: Assessed['before'] = { drift: 0, performance: [], standing: null };

const monitoringWith = (monitoring: ModelSpecInput['monitoring'] = {}) =>
  modelSpec.shape.monitoring.parse(monitoring);

const check = (
  rows: number,
  {
    shift,
    before = nothingBefore,
    labelled = noLabels,
    monitoring,
  }: {
    shift?: Shift;
    before?: Assessed['before'];
    labelled?: LabelledCounts;
    monitoring?: ModelSpecInput['monitoring'];
  } = {},
): Assessment =>
  assess({
    reference,
    counts: rows === 0 ? null : countRows(reference, drawRows(random, rows, shift)),
    labelled,
    monitoring: monitoringWith(monitoring),
    before,
  });

const carried = (assessment: Assessment): Assessed['before'] => ({
  drift: assessment.drift,
  performance: assessment.lossDetectors,
  standing: assessment.standing,
});

/** Answers whose truth follows `truth`, given the score. */
function label(
  rows: number,
  source: RandomSource,
  truth: (score: number) => number,
): LabelledCounts {
  const sums = { ...noLabels };
  for (let row = 0; row < rows; row += 1) {
    const score = 1 / (1 + Math.exp(1.5 - normalFrom(source)));
    const positive = source() < truth(score) ? 1 : 0;
    const loss = logLossOf(score, positive);
    sums.rows += 1;
    sums.positives += positive;
    sums.scoreSum += score;
    sums.logLossSum += loss;
    sums.logLossSquares += loss * loss;
    sums.brierSum += (score - positive) ** 2;
  }
  return sums;
}

/** Answers to the same traffic with every second positive row left out, by a model that knows of it or does not. */
function labelHalved(rows: number, source: RandomSource, informed: boolean): LabelledCounts {
  const sums = { ...noLabels };
  while (sums.rows < rows) {
    const before = 1 / (1 + Math.exp(1.5 - normalFrom(source)));
    const positive = source() < before ? 1 : 0;
    if (positive === 1 && source() < 0.5) continue;
    const score = informed ? before / (2 - before) : before;
    const loss = logLossOf(score, positive);
    sums.rows += 1;
    sums.positives += positive;
    sums.scoreSum += score;
    sums.logLossSum += loss;
    sums.logLossSquares += loss * loss;
  }
  return sums;
}

describe('an assessment', { timeout: 60_000 }, () => {
  test('of too few rows says so, changes nothing and consumes nothing', () => {
    const before = { drift: 7, performance: [1, 2, 3, 4], standing: null };
    const few = check(499, { before });
    expect(few.verdict).toBe('inconclusive');
    expect(few.weighed).toEqual({ counts: false, labels: false });
    expect(carried(few)).toEqual(before);
    expect(check(0).verdict).toBe('inconclusive');
  });

  test('of the same traffic as ever passes', () => {
    const same = check(2_000);
    expect(same.verdict).toBe('pass');
    expect(same.standing).toBeNull();
    expect(same.findings.map(({ family }) => family)).toEqual([
      'input',
      'input',
      'input',
      'input',
      'prediction',
      'performance',
    ]);
  });

  test('raises no alarm over two hundred quiet checks', () => {
    let before = nothingBefore;
    let alarms = 0;
    for (let run = 0; run < 200; run += 1) {
      const quiet = check(500, { before });
      if (quiet.verdict === 'fail') alarms += 1;
      before = carried(quiet);
    }
    expect(alarms).toBe(0);
  });

  test('of many unseen airports is an alarm, and calls for a retraining only where the spec says so', () => {
    const ticket = check(2_000, { shift: { unseen: 0.3 } });
    expect(ticket).toMatchObject({ verdict: 'fail', severity: 'major', standing: null });
    const called = check(2_000, {
      shift: { unseen: 0.3 },
      monitoring: { retrain: { drift: true } },
    });
    expect(called.standing?.trigger).toBe('drift');
    expect(called.standing?.reason).toMatch(
      /airport differs from the hold-out: PSI .* unseen or missing/,
    );
  });

  test('of a shift in a value that the spec ignores reports it and raises no alarm', () => {
    const ignored = check(2_000, {
      shift: { unseen: 0.3 },
      monitoring: { ignore: ['airport'], retrain: { drift: true } },
    });
    expect(ignored).toMatchObject({ verdict: 'pass', severity: 'none', standing: null });
    expect(ignored.score).toBeLessThan(0.1);
    const airport = ignored.findings.find(({ name }) => name === 'airport');
    expect(airport?.psi).toBeGreaterThan(1);
    expect(airport?.reason).toMatch(/not weighed/);
  });

  test('of a small lasting shift becomes an alarm by its persistence', () => {
    let before = nothingBefore;
    const verdicts = [];
    for (let run = 0; run < 12; run += 1) {
      const shifted = check(1_000, { before, shift: { mean: 0.2 } });
      verdicts.push(shifted.verdict);
      before = carried(shifted);
    }
    expect(verdicts).toContain('fail');
  });

  test('keeps an alarm standing while rows are too few, and takes it back when they are not', () => {
    const before = { ...nothingBefore, standing: { trigger: 'drift' as const, reason: 'Moved.' } };
    expect(check(10, { before }).standing).toEqual(before.standing);
    expect(check(2_000, { before }).standing).toBeNull();
  });
});

describe('performance', () => {
  test('is expected at the base rate found: lower where fewer are positive, the reference’s own where nothing changed', () => {
    const base = reference.positives / reference.rows;
    expect(expectedAt(reference, base)).toBeCloseTo(reference.logLoss, 12);
    expect(expectedAt(reference, base / 2)).toBeLessThan(reference.logLoss);
  });

  test('raises no alarm when the base rate falls by half and the scores follow it', () => {
    let before = nothingBefore;
    for (let run = 0; run < 60; run += 1) {
      const labelled = labelHalved(1_000, random, true);
      const quiet = check(0, {
        labelled,
        before,
        monitoring: { retrain: { performanceMargin: 0.01 } },
      });
      expect(quiet.performance.logLoss).toBeLessThan(reference.logLoss - 0.03);
      expect(quiet.verdict).toBe('inconclusive');
      expect(quiet.findings.at(-1)?.verdict).toBe('pass');
      before = carried(quiet);
    }
  });

  test('is at fault where the base rate falls by half and the scores stay, though the raw log-loss falls too', () => {
    const labelled = labelHalved(20_000, random, false);
    const performance = judgePerformance(reference, labelled);
    expect(performance.logLoss).toBeLessThan(reference.logLoss);
    expect(performance.lower).toBeGreaterThan(0.01);
  });

  test('that became worse is found within a few checks, with its numbers', () => {
    let before = nothingBefore;
    let standing: Assessment['standing'] = null;
    let checks = 0;
    while (!standing && checks < 20) {
      // The model still says what it said; the truth has turned away from it.
      const labelled = label(1_500, random, (score) => 0.3 + 0.2 * score);
      const worse = check(0, { labelled, before });
      before = carried(worse);
      standing = worse.standing;
      checks += 1;
    }
    expect(checks).toBeLessThanOrEqual(5);
    expect(standing?.trigger).toBe('performance');
    expect(standing?.reason).toMatch(/log-loss is 0\.\d+ on 1500 labelled answers/);
  });

  test('with too few labels has no bounds', () => {
    expect(judgePerformance(reference, noLabels)).toMatchObject({ logLoss: null, error: null });
  });
});

describe('detectors', () => {
  test('run a thousand checks and more between two false alarms', () => {
    const source = randomFrom('detectors');
    let alarms = 0;
    let drift = 0;
    let losses: number[] = [];
    for (let run = 0; run < 20_000; run += 1) {
      drift = continueDetector(drift, source());
      losses = continueLossDetectors(losses, normalFrom(source));
      if (drift >= alarmAt) [drift, alarms] = [0, alarms + 1];
      if (meanOf(losses) >= alarmAt) [losses, alarms] = [[], alarms + 1];
    }
    expect(alarms).toBeLessThanOrEqual(40);
  });

  test('find three standard errors of harm in a few checks', () => {
    let losses: number[] = [];
    let checks = 0;
    while (meanOf(losses) < alarmAt) {
      losses = continueLossDetectors(losses, 3);
      checks += 1;
    }
    expect(checks).toBeLessThanOrEqual(3);
  });
});
