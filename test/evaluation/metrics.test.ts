import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareModels, estimateMetric } from '../../evaluation/estimate.js';
import { brier } from '../../evaluation/metrics/brier.js';
import {
  calibrationError,
  calibrationErrorBeyondChance,
} from '../../evaluation/metrics/calibration-error.js';
import { logLoss } from '../../evaluation/metrics/log-loss.js';
import { rocAuc } from '../../evaluation/metrics/roc-auc.js';
import { randomFrom } from '../../statistics/random.js';

interface Case {
  name: string;
  labels: number[];
  challenger: number[];
  champion: number[];
  roc_auc: number;
  champion_roc_auc: number;
  log_loss: number;
  brier: number;
  calibration_error: number;
  delong_variance: number;
  delong_paired_variance: number;
  log_loss_advantage: [mean: number, error: number, t: number];
  brier_advantage: [mean: number, error: number, t: number];
}

const { cases } = JSON.parse(
  readFileSync(new URL('./fixtures/metrics.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

const rows = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1_000 })), {
    minLength: 1,
    maxLength: 60,
  })
  .map((pairs) => ({
    labels: Uint8Array.from(pairs, ([label]) => label),
    scores: Float64Array.from(pairs, ([, score]) => score / 1_000),
  }));

describe.each(cases)('on $name', (known) => {
  const labels = Uint8Array.from(known.labels);
  const challenger = Float64Array.from(known.challenger);
  const champion = Float64Array.from(known.champion);

  it('the metrics equal scikit-learn', () => {
    expect(rocAuc(labels, challenger)).toBeCloseTo(known.roc_auc, 12);
    expect(logLoss(labels, challenger)).toBeCloseTo(known.log_loss, 9);
    expect(brier(labels, challenger)).toBeCloseTo(known.brier, 12);
    expect(calibrationError(labels, challenger)).toBeCloseTo(known.calibration_error, 12);
  });

  it("DeLong's errors equal the quadratic definition", () => {
    const single = estimateMetric('roc_auc', labels, challenger);
    const paired = compareModels('roc_auc', labels, challenger, champion);
    expect((single?.error ?? 0) ** 2).toBeCloseTo(known.delong_variance, 12);
    expect((paired?.error ?? 0) ** 2).toBeCloseTo(known.delong_paired_variance, 12);
    expect(paired?.value).toBeCloseTo(known.roc_auc - known.champion_roc_auc, 12);
  });

  it.each(['log_loss', 'brier'] as const)(
    'the advantage in %s is a paired t interval',
    (metric) => {
      const [mean, error, t] = known[`${metric}_advantage`];
      const advantage = compareModels(metric, labels, challenger, champion);
      expect(advantage?.value).toBeCloseTo(mean, 9);
      expect(advantage?.lower).toBeCloseTo(mean - t * error, 9);
      expect(advantage?.upper).toBeCloseTo(mean + t * error, 9);
    },
  );
});

describe('rocAuc', () => {
  it('is undefined, not one half, when a class is missing', () => {
    expect(rocAuc(Uint8Array.of(1, 1), Float64Array.of(0.2, 0.4))).toBeNull();
    expect(rocAuc(new Uint8Array(), new Float64Array())).toBeNull();
  });

  it('is one half when all scores tie, and mirrors when labels or order are turned', () => {
    fc.assert(
      fc.property(rows, ({ labels, scores }) => {
        const area = rocAuc(labels, scores);
        fc.pre(area !== null);
        expect(
          rocAuc(
            labels,
            scores.map(() => 0.3),
          ),
        ).toBe(0.5);
        expect(
          rocAuc(
            labels.map((label) => 1 - label),
            scores,
          ),
        ).toBeCloseTo(1 - area, 12);
        expect(
          rocAuc(
            labels,
            scores.map((score) => score / 2),
          ),
        ).toBeCloseTo(area, 12);
      }),
    );
  });
});

describe('comparisons', () => {
  it.each(['roc_auc', 'log_loss', 'brier', 'calibration_error'] as const)(
    'of a model with itself find no difference and no doubt (%s)',
    (metric) => {
      fc.assert(
        fc.property(rows, ({ labels, scores }) => {
          const advantage = compareModels(metric, labels, scores, scores);
          fc.pre(advantage !== null);
          expect([advantage.value, advantage.error]).toEqual([0, 0]);
        }),
      );
    },
  );

  it('turn their sign when challenger and champion change places', () => {
    fc.assert(
      fc.property(rows, ({ labels, scores }) => {
        const other = scores.map((score, row) => (score + (row % 7) / 7) / 2);
        const one = compareModels('brier', labels, scores, other);
        fc.pre(one !== null);
        expect(compareModels('brier', labels, other, scores)?.value).toBeCloseTo(-one.value, 12);
      }),
    );
  });
});

describe('calibration error', () => {
  it('of a calibrated model is mostly chance, which the corrected one takes out', () => {
    const random = randomFrom('calibrated');
    const scores = Float64Array.from({ length: 1_000 }, random);
    const labels = Uint8Array.from(scores, (score) => (random() < score ? 1 : 0));
    const plain = calibrationError(labels, scores) ?? 0;
    expect(plain).toBeGreaterThan(0.02);
    expect(calibrationErrorBeyondChance(labels, scores)).toBeLessThan(plain * 0.75);
  });

  it('is never below zero nor above one', () => {
    fc.assert(
      fc.property(rows, ({ labels, scores }) => {
        const error = calibrationError(labels, scores) ?? -1;
        expect(error >= 0 && error <= 1).toBe(true);
        expect(calibrationErrorBeyondChance(labels, scores)).toBeLessThanOrEqual(error + 1e-12);
      }),
    );
  });
});

describe("DeLong's interval", () => {
  it('covers the true area about as often as it says', () => {
    const random = randomFrom('coverage');
    // Scores u^2 of positives against u of negatives: P(u^2 > v) = 1/3.
    let covered = 0;
    const runs = 300;
    for (let run = 0; run < runs; run += 1) {
      const labels = Uint8Array.from({ length: 200 }, (_, row) => row % 2);
      const scores = Float64Array.from(labels, (label) => random() ** (1 + label));
      const { lower, upper } = estimateMetric('roc_auc', labels, scores) ?? { lower: 0, upper: 0 };
      if (lower <= 1 / 3 && 1 / 3 <= upper) covered += 1;
    }
    expect(covered / runs).toBeGreaterThan(0.85);
    expect(covered / runs).toBeLessThan(0.95);
  });
});
