import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { extendCommand, raiseFor, tightestOf, type BudgetView } from '../../contracts/budget.js';
import { estimateEnough, type Pace } from '../../governance/reservation.js';
import { renderMoney } from '../../workflows/training/money-details.js';

test.each(['growth', 'flight-delay/3', "the pilots' team", '$(touch x); `id`', 'two\nlines'])(
  'the line that raises the budget of %j is one that a shell takes as it is meant',
  (name) => {
    const line = extendCommand({ scope: 'team', name }, 1_234_567);
    const script = line.replace(/^perennial/, String.raw`printf '%s\0'`);
    const words = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1);
    expect(words).toEqual(['budget', 'extend', 'team', name, '--by', '1.24']);
  },
);

test('what is missing is rounded up, and never nothing', () => {
  const by = (missing: number) => extendCommand({ scope: 'model', name: 'm' }, missing);
  expect([by(-5), by(1), by(10_000), by(10_001)].map((line) => line.split(' ').at(-1))).toEqual([
    '0.01',
    '0.01',
    '0.01',
    '0.02',
  ]);
});

test.each<[string, Partial<Pace & { timeout: number }>, number, string]>([
  ['that never ran before: an hour', {}, 3_620, 'hour'],
  ['that may not take an hour: its timeout', { timeout: 600 }, 620, 'end'],
  ['whose last took two hours: half as much again', { lastSeconds: 7_200 }, 10_820, 'end'],
  ['whose last took that long, but not beyond its timeout', { lastSeconds: 70_000 }, 86_420, 'end'],
  ['that outran the last one: an hour', { lastSeconds: 10, ran: 15_000 }, 3_620, 'hour'],
])('what serves a training %s', (_, given, seconds, reach) => {
  const { timeout = 86_400, ...pace } = given;
  const rate = { perHour: [3_600_000], watts: 0, gpuWatts: 0, pue: 1, carbon: [] };
  const asked = { lastSeconds: null, ran: 0, ...pace, timeout: timeout * 1_000, least: 20_000 };
  expect(estimateEnough(rate, asked)).toEqual({ amount: seconds * 1_000, reach });
});

test('the raise that serves is one that people would give, and never nothing', () => {
  const by = (amount: number) => {
    const named = { scope: 'model', name: 'm', period: 'total', currency: 'EUR' } as const;
    const budget = { ...named, soft: null, hard: 10, spent: 10, reserved: 0 };
    return raiseFor(budget, { amount, reach: 'end' }).by;
  };
  expect([-5, 10_001, 36_733_000, 99_500_001].map(by)).toEqual([
    10_000, 20_000, 37_000_000, 100_000_000,
  ]);
});

test('the budget that lacks most is the one that is awaited', () => {
  const view = (name: string, hard: number | null, spent: number): BudgetView => ({
    scope: 'team',
    name,
    period: 'total',
    currency: 'EUR',
    soft: null,
    hard,
    spent,
    reserved: 0,
  });
  const standings = [view('none', null, 90), view('used', 10, 10), view('overdrawn', 10, 12)];
  expect(tightestOf(standings)?.name).toBe('overdrawn');
  expect(tightestOf([])).toBeUndefined();
});

test('the details say which budget, how much it lacks, what serves, until when, and the lines that answer', () => {
  const text = renderMoney(
    { model: 'churn', delivery: 7 },
    {
      budget: 'team growth (month)',
      limit: '10.00 EUR',
      spent: '9.50 EUR',
      held: '0.20 EUR',
      needs: '1.00 EUR',
      missing: '0.70 EUR',
      serves: '37.00 EUR runs it for about an hour',
      extend: 'perennial budget extend team growth --by 37.00',
      until: '2026-03-08T00:00:00.000Z',
    },
    'perennial',
  ).join('\n');
  for (const part of [
    '**team growth (month)**',
    'limit: 10.00 EUR; spent: 9.50 EUR; held for running trainings: 0.20 EUR',
    'missing: 0.70 EUR; 37.00 EUR runs it for about an hour',
    'until: 2026-03-08T00:00:00.000Z',
    "perennial budget extend team growth --by 37.00 --as YOU --reason 'WHY'",
    'temporal workflow signal --namespace perennial --workflow-id train/churn/7 --name budgetExtended',
  ])
    expect(text).toContain(part);
});
