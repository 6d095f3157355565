import { describe, expect, test, vi } from 'vitest';
import { createScreen } from '../../cli/watch/screen.js';
import { drawBar, usualSeconds } from '../../cli/watch/stage-bar.js';
import { renderWatch, type Watched } from '../../cli/watch/watch-screen.js';
import type { DeliveryView } from '../../contracts/delivery.js';
import type { AttemptProgress, AttemptView } from '../../contracts/training-view.js';

const delivery: DeliveryView = {
  model: 'churn',
  number: 7,
  workflowId: 'deliver/churn',
  runId: 'run',
  trigger: 'drift',
  requestedBy: 'ada',
  reason: '',
  stage: 'train',
  outcome: null,
  explanation: '',
  specDigest: 'd'.repeat(64),
  version: null,
  openedAt: '2026-01-01T00:00:00Z',
  closedAt: null,
  seconds: { ingest: 1.25, train: 10 },
};

const attempt: AttemptView = {
  attempt: 1,
  key: 'perennial-0123456789ab-1',
  backend: 'process',
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: null,
  outcome: null,
  progress: { step: 30, total: 120, message: '', remainingSeconds: 90, at: '2026-01-01T00:00:00Z' },
  curves: [
    { name: 'auc', points: [1, 2, 3].map((step) => ({ step, value: step })) },
    { name: 'train_log_loss', points: [1, 2, 3].map((step) => ({ step, value: 1 / step })) },
  ],
  gpus: [
    {
      device: 'GPU-1',
      name: 'NVIDIA H100',
      samples: 3,
      utilisation: 87.4,
      memoryPeakMib: 20_480,
      memoryTotalMib: 81_920,
      watts: 311.6,
      joules: 7_200_000,
      lastAt: '2026-01-01T00:00:00Z',
    },
  ],
};

const watched: Watched = {
  detail: {
    delivery,
    checks: [],
    gates: [],
    approval: null,
    release: null,
    training: {
      attempt: 1,
      retried: null,
      step: 30,
      total: 120,
      metrics: { train_log_loss: 0.333 },
      waits: null,
    },
  },
  attempt,
  usual: { train: 40, evaluate: 3, approve: 86_400 },
  age: 2_000,
  frame: 1,
  columns: 80,
  rows: 24,
};
const text = (change: Partial<Watched> = {}) =>
  renderWatch({ ...watched, ...change }).map((line) => line.text);

describe('the screen of watch', () => {
  test('has the stage with its progress, the GPUs, the loss and what is to come', () => {
    const lines = text();
    expect(lines[0]).toBe(
      '⠙ train     █████··············· 12 s of about 40 s  25 %, 90 s left, attempt 1, step 30 of 120, train_log_loss 0.333',
    );
    expect(lines[1]).toBe('  NVIDIA H100  87 % busy, 20.0 GiB at most, 312 W, 2 kWh');
    expect(lines[2]).toBe('  train_log_loss 0.3333');
    expect(lines[3]).toMatch(/^ {9}1 [\u2800-\u28ff]{67}$/);
    expect(lines[8]).toMatch(/^ {4}0\.3333 [\u2800-\u28ff]{67}$/);
    expect(lines[9]?.trim()).toMatch(/^1 +3$/);
    expect(lines.slice(10)).toEqual([
      '  evaluate  ···················· about 3 s',
      '  approve   ···················· about 24 h',
    ]);
  });

  test('expects the time left from the steps so far, where the trainer does not say it', () => {
    const progress = { step: 30, total: 120, message: '', remainingSeconds: null, at: '' };
    const first = (change: Partial<AttemptProgress>) =>
      text({ attempt: { ...attempt, progress: { ...progress, ...change } } })[0];
    expect(first({})).toContain('25 %, about 36 s left, attempt 1');
    expect(first({ step: 3 })).toContain('2 %, attempt 1');
    expect(first({ step: 120 })).toContain('100 %, attempt 1');
    expect(first({ total: null })).not.toMatch(/%|left/);
  });

  test('measures a stage without steps by what it usually takes, and one never seen not at all', () => {
    const ingesting = { ...watched.detail, delivery: { ...delivery, stage: 'ingest' as const } };
    expect(text({ detail: ingesting, usual: { ingest: 6.5 } })).toEqual([
      '⠙ ingest    ██████████·········· 3 s of about 7 s',
    ]);
    expect(text({ detail: ingesting, usual: {} })).toEqual(['⠙ ingest    3 s']);
  });

  test('leaves the curve out where the terminal is too low or too narrow', () => {
    expect(text({ rows: 8 })).toHaveLength(4);
    expect(text({ columns: 25 })).toHaveLength(4);
    expect(text({ columns: 30 })).toHaveLength(12);
  });

  test('is drawn over itself and cut to the terminal, without colour where none is wanted', () => {
    vi.stubEnv('NO_COLOR', '1');
    let out = '';
    const stream = {
      isTTY: true,
      columns: 12,
      rows: 3,
      write: (part: string) => Boolean((out += part)),
    } as unknown as NodeJS.WriteStream;
    const screen = createScreen(stream);
    screen.draw([
      { text: 'one\nlong line of text' },
      { text: 'two', style: 'cyan' },
      { text: '3' },
    ]);
    expect(out).toBe('one long li\ntwo');
    out = '';
    screen.draw([{ text: 'three' }]);
    expect(out).toBe('\x1b[1A\r\x1b[Jthree');
    out = '';
    screen.clear();
    screen.clear();
    expect(out).toBe('\r\x1b[J');
    vi.unstubAllEnvs();
  });
});

describe('a bar', () => {
  test.each([
    [0, '····'],
    [0.5, '██··'],
    [0.54, '██▏·'],
    [1, '████'],
    [7, '████'],
    [-1, '····'],
  ])('of %d is %s', (share, bar) => expect(drawBar(share, 4)).toBe(bar));
});

describe('what a stage usually takes', () => {
  const took = (
    seconds: Record<string, number>,
    outcome: DeliveryView['outcome'] = 'promoted',
  ) => ({
    ...delivery,
    outcome,
    seconds,
  });

  test('is the middle of the deliveries that came through it', () => {
    expect(
      usualSeconds([
        took({ train: 9 }, null),
        took({ train: 1 }, 'training-failed'),
        took({ train: 2 }, 'cancelled'),
        took({ ingest: 1, train: 10 }),
        took({ ingest: 2, train: 30 }, 'gate-failed'),
        took({ ingest: 3 }, 'contract-failed'),
      ]),
    ).toEqual({ ingest: 2, train: 20 });
  });

  test('forgets what was long ago', () => {
    const now = Array.from({ length: 7 }, () => took({ train: 5 }));
    expect(usualSeconds([...now, ...now.map(() => took({ train: 500 }))])).toEqual({ train: 5 });
  });
});
