import { expect, test } from 'vitest';
import type { Finding } from '../../contracts/verdict.js';
import { validation } from '../../scripts/healthy-model.js';
import { brokenContract } from '../../workflows/delivery/broken-contract.js';

const finding = (name: string, verdict: Finding['verdict'], reason: string): Finding => ({
  name,
  verdict,
  value: 9,
  lower: null,
  upper: null,
  bound: 1,
  rows: 1_000,
  reason,
});

test('a broken contract is told with its reasons, the quarantine once, and examples that can be told apart', () => {
  const quarantine = finding(
    'quarantine',
    'fail',
    '90 of 1,000 rows (9 %) went to quarantine; at most 1 % may.',
  );
  const examples = [
    'row 7 (distance=null): distance_required',
    'row 9 (distance=-1): distance_range',
  ];
  expect(brokenContract({ ...validation, quarantined: 90, checks: [quarantine], examples })).toBe(
    'The data broke its contract. 90 of 1,000 rows (9 %) went to quarantine; at most 1 % may. For example: row 7 (distance=null): distance_required; row 9 (distance=-1): distance_range.',
  );
});

test('where something else broke, the quarantine is counted beside it', () => {
  const checks = [
    finding('row_count', 'fail', 'There are 1,000 rows; at least 5,000 are needed.'),
    finding('distance_required', 'pass', 'No row lacks a distance.'),
  ];
  expect(brokenContract({ ...validation, checks })).toBe(
    'The data broke its contract. There are 1,000 rows; at least 5,000 are needed. 3 of 1000 rows are quarantined.',
  );
});

test('what a history cannot hold is cut', () => {
  const checks = [finding('regex', 'error', 'x'.repeat(5_000))];
  expect(brokenContract({ ...validation, checks })).toHaveLength(1_900);
});
