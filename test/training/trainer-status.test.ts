import { describe, expect, test } from 'vitest';
import { trainerReport } from '../../contracts/trainer-status.js';
import { readTrainerReport } from '../../training/trainer-status.js';

const read = (
  trainerStatus: Record<string, unknown>,
  before: { step: number; total: number | null } | null = null,
) => readTrainerReport(trainerReport.parse({ trainerStatus }), before);

const metrics = (values: Record<string, string>) =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

describe('a report of the Kubeflow progress protocol', () => {
  test('of Hugging Face has its step and its whole among the metrics, as text', () => {
    expect(
      read({
        lastUpdatedTime: '2026-01-01T00:00:00+00:00',
        progressPercentage: 12,
        estimatedRemainingSeconds: 88,
        metrics: metrics({
          loss: '0.4312',
          learning_rate: '5e-05',
          current_step: '124',
          total_steps: '1000',
          current_epoch: '0.37',
        }),
      }),
    ).toEqual({
      line: {
        step: 124,
        total: 1000,
        metrics: { loss: 0.4312, learning_rate: 5e-5, current_epoch: 0.37 },
      },
      remainingSeconds: 88,
    });
  });

  test('at its end has only a percentage, taken of the whole that is known', () => {
    const end = { progressPercentage: 100, metrics: metrics({ train_loss: '0.2' }) };
    expect(read(end, { step: 990, total: 1000 }).line).toEqual({
      step: 1000,
      total: 1000,
      metrics: { train_loss: 0.2 },
    });
  });

  test('without steps counts per cents', () => {
    expect(read({ progressPercentage: 42.4 }).line).toEqual({ step: 42, total: 100, metrics: {} });
    expect(read({}, { step: 42, total: 100 }).line).toMatchObject({ step: 42, total: 100 });
  });

  test.each(['nan', 'inf', '-Infinity', '', ' ', '0x', 'twelve'])(
    'leaves out a metric whose value is "%s"',
    (value) => {
      expect(read({ metrics: metrics({ loss: value, auc: '0.7' }) }).line.metrics).toEqual({
        auc: 0.7,
      });
    },
  );

  test('never takes a negative or endless step', () => {
    const line = read({ metrics: metrics({ current_step: '-3', total_steps: '1e12' }) }).line;
    expect(line).toMatchObject({ step: 0, total: 100 });
  });

  test('keeps no metric whose name is none', () => {
    expect(
      read({ metrics: metrics({ 'a\nb': '1', [`${'x'.repeat(150)}`]: '1' }) }).line.metrics,
    ).toEqual({});
  });
});
