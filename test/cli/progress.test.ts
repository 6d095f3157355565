import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { followDelivery } from '../../cli/watch/progress.js';
import type { DeliveryDetail } from '../../contracts/overview.js';

const wasTerminal = process.stdout.isTTY;
let out = '';
beforeEach(() => {
  out = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.stdout.isTTY = wasTerminal;
});

function detailOf(change: Partial<DeliveryDetail['delivery']>): DeliveryDetail {
  const delivery: DeliveryDetail['delivery'] = {
    model: 'churn',
    number: 7,
    workflowId: 'deliver/churn',
    runId: 'run',
    trigger: 'drift',
    requestedBy: 'ada',
    reason: 'the airports changed',
    stage: 'train',
    outcome: null,
    explanation: '',
    specDigest: 'd'.repeat(64),
    version: null,
    openedAt: new Date().toISOString(),
    closedAt: null,
    seconds: { ingest: 1.25, train: 3 },
    ...change,
  };
  const training = {
    attempt: 1,
    retried: null,
    step: 40,
    total: 120,
    metrics: { auc: 0.70123456 },
    waits: null,
  };
  return { delivery, checks: [], gates: [], approval: null, release: null, training };
}

async function* story(): AsyncGenerator<DeliveryDetail> {
  yield detailOf({});
  await new Promise((resolve) => setTimeout(resolve, 300));
  yield detailOf({
    stage: 'done',
    outcome: 'gate-failed',
    explanation: 'ROC-AUC 0.55 is below 0.6.',
  });
}

test('without a terminal every change is a plain line', async () => {
  process.stdout.isTTY = false;
  const last = await followDelivery(story(), { quiet: false });
  expect(last?.delivery.outcome).toBe('gate-failed');
  expect(out.split('\n')).toEqual([
    'churn delivery 7, drift: the airports changed',
    '  ingest    1.25 s',
    '  train: attempt 1, step 40 of 120, auc 0.7012',
    '  train     3 s',
    'gate-failed: ROC-AUC 0.55 is below 0.6.',
    '',
  ]);
});

test('without a terminal the steps of a training are a line every ten seconds', async () => {
  process.stdout.isTTY = false;
  vi.spyOn(Date, 'now').mockReturnValue(0);
  async function* steps(): AsyncGenerator<DeliveryDetail> {
    for (let step = 1; step <= 30; step += 1) {
      vi.spyOn(Date, 'now').mockReturnValue(step * 1_000);
      const detail = detailOf({ seconds: {} });
      const training = { attempt: 1, retried: null, step, total: 30, metrics: {}, waits: null };
      yield { ...detail, training };
    }
  }
  await followDelivery(steps(), { quiet: false });
  const told = [1, 10, 20, 30].map((step) => `  train: attempt 1, step ${step} of 30`);
  expect(out.split('\n').slice(1, -1)).toEqual(told);
});

test('says why an attempt ended when the next one begins, and in the end where to read what the trainer wrote', async () => {
  process.stdout.isTTY = false;
  const ended = 'ValueError: \x1b[2Jno such column';
  async function* twice(): AsyncGenerator<DeliveryDetail> {
    const first = detailOf({ seconds: {} });
    const training = { ...first.training, attempt: 2, retried: ended, step: null, total: null };
    yield { ...first, training: { ...training, metrics: {}, waits: null } };
    yield detailOf({ seconds: {}, stage: 'done', outcome: 'training-failed', explanation: ended });
  }
  await followDelivery(twice(), { quiet: false });
  expect(out.split('\n').slice(1, -1)).toEqual([
    '  attempt 1 ended: ValueError: ␛[2Jno such column',
    '  train: attempt 2',
    'training-failed: ValueError: ␛[2Jno such column',
    'what the trainer wrote: perennial logs churn --delivery 7',
  ]);
});

test('a training that waits for money is a question: what is missing, and the line that lets it go on', async () => {
  process.stdout.isTTY = false;
  const named = { scope: 'team', name: 'growth', period: 'month', currency: 'EUR' } as const;
  const money = {
    model: 'churn',
    delivery: 7,
    attempt: 1,
    budget: { ...named, soft: null, hard: 1_000_000, spent: 900_000, reserved: 0 },
    needs: 300_000,
    missing: 200_000,
    raise: { by: 37_000_000, reach: 'hour' as const },
    since: '2026-03-01T00:00:00.000Z',
    until: '2026-03-08T00:00:00.000Z',
    extend: 'perennial budget extend team growth --by 37.00',
  };
  async function* waiting(): AsyncGenerator<DeliveryDetail> {
    yield { ...detailOf({}), money };
    yield { ...detailOf({}), money: { ...money, missing: 100_000 } };
  }
  await followDelivery(waiting(), { quiet: false, untilAsked: true });
  expect(out.split('\n')).toEqual([
    'churn delivery 7, drift: the airports changed',
    '  ingest    1.25 s',
    '  waits for money until 2026-03-08T00:00:00.000Z: the budget of team growth lacks 0.20 EUR; 37.00 EUR runs it for about an hour',
    'to go on: perennial budget extend team growth --by 37.00 --reason WHY',
    '',
  ]);
});

test('in a terminal a line moves and is gone at the end', async () => {
  process.stdout.isTTY = true;
  await followDelivery(story(), { quiet: false });
  expect(out).toMatch(/⠙ train {5}3 s {2}attempt 1, step 40 of 120, auc 0\.7012/);
  expect(out).toContain('\r\x1b[J');
  expect(out.slice(out.lastIndexOf('\x1b[J'))).toMatch(/gate-failed/);
});

test('in a terminal a look that fails costs its own lines alone', async () => {
  process.stdout.isTTY = true;
  const away = () => Promise.reject(new Error('away'));
  await followDelivery(story(), { quiet: false, looks: { usual: away, attempt: away } });
  expect(out).toContain('step 40');
});

test('asked for JSON it is quiet', async () => {
  await followDelivery(story(), { quiet: true });
  expect(out).toBe('');
});
