import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decision } from '../../contracts/approval.js';
import { releaseCommand } from '../../contracts/release.js';
import { commandForm, configurationForm, decisionForm } from '../../workflows/message-form.js';

/** Values near and far from what a message may hold. */
const principals = fc.oneof(
  fc.constantFrom(
    'alice',
    'team-a',
    'perennial:monitor',
    'a.b_c',
    '',
    'Alice',
    '-x',
    'a b',
    'x'.repeat(65),
  ),
  fc.string(),
  fc.anything(),
);
const reasons = fc.oneof(
  fc.string(),
  fc.constant(undefined),
  fc.constant('y'.repeat(2_001)),
  fc.integer(),
);
const digests = fc.oneof(
  fc.constantFrom('e'.repeat(64), 'E'.repeat(64), 'e'.repeat(63), undefined),
  fc.string(),
);
const votes = fc.constantFrom('approve', 'reject', 'cancel', 'Approve', '', null);
const holds = (check: () => unknown) => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

describe('the forms that workflows check by hand', () => {
  test('take exactly the decisions that the contract takes', () => {
    const messages = fc.record(
      { vote: votes, by: principals, reason: reasons, evidence: digests, more: fc.anything() },
      { requiredKeys: ['vote', 'by'] },
    );
    fc.assert(
      fc.property(fc.oneof(messages, fc.anything()), (message) => {
        expect(holds(() => decisionForm(message))).toBe(decision.safeParse(message).success);
      }),
      { numRuns: 500 },
    );
  });

  test('take exactly the commands that the contract takes', () => {
    const messages = fc.record({ by: principals, reason: reasons }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.oneof(messages, fc.anything()), (message) => {
        expect(holds(() => commandForm(message))).toBe(releaseCommand.safeParse(message).success);
      }),
      { numRuns: 500 },
    );
  });

  test('say in the refusal what was found and what is wanted', () => {
    expect(() => decisionForm({ vote: 'yes', by: 'bob' })).toThrow(
      'vote is "yes": use approve, reject or cancel.',
    );
    const deep: unknown = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000));
    expect(() => decisionForm({ vote: deep, by: 'bob' })).toThrow('vote is beyond reading: use');
    expect(() => configurationForm({ every: '1h' })).toThrow('every is "1h": give milliseconds');
    expect(configurationForm({ every: null })).toEqual({ every: null });
  });
});
