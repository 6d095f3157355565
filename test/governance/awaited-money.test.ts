import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { extendCommand, tightestOf, type BudgetView } from '../../contracts/budget.js';
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

test('the details say which budget, how much it lacks, until when, and the lines that answer', () => {
  const text = renderMoney(
    { model: 'churn', delivery: 7 },
    {
      budget: 'team growth (month)',
      limit: '10.00 EUR',
      spent: '9.50 EUR',
      held: '0.20 EUR',
      needs: '1.00 EUR',
      missing: '0.70 EUR',
      extend: 'perennial budget extend team growth --by 0.70',
      until: '2026-03-08T00:00:00.000Z',
    },
    'perennial',
  ).join('\n');
  for (const part of [
    '**team growth (month)**',
    'limit: 10.00 EUR; spent: 9.50 EUR; held for running trainings: 0.20 EUR',
    'missing: 0.70 EUR',
    'until: 2026-03-08T00:00:00.000Z',
    "perennial budget extend team growth --by 0.70 --as YOU --reason 'WHY'",
    'temporal workflow signal --namespace perennial --workflow-id train/churn/7 --name budgetExtended',
  ])
    expect(text).toContain(part);
});
