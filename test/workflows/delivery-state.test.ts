import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Admission, Decision } from '../../contracts/approval.js';
import type { DeliveryState } from '../../contracts/states.js';
import { evidence, planFor } from '../../scripts/healthy-model.js';
import { renderDelivery } from '../../workflows/delivery/details.js';
import {
  applyAdmission,
  approvalDeadlines,
  foreignEvidence,
  impossible,
  openApproval,
  openState,
} from '../../workflows/delivery/state.js';

const waiting: DeliveryState = {
  ...openState({ model: 'm', requestedBy: 'alice' }),
  delivery: 1,
  stage: 'approve',
  approval: openApproval(
    {
      version: 2,
      evidence,
      champion: 1,
      automatic: { approved: false, reason: '' },
      summary: 'Version 2.',
    },
    planFor('m'),
    0,
  ),
};
const vote: Decision = { vote: 'approve', by: 'bob', evidence };
const admissions = fc.record({
  admitted: fc.boolean(),
  code: fc.constant(null),
  reason: fc.string(),
  standing: fc.constantFrom('open', 'approved', 'rejected', 'cancelled'),
  approvals: fc.nat(5),
  quorum: fc.integer({ min: 1, max: 5 }),
}) satisfies fc.Arbitrary<Admission>;

describe('applying admissions', () => {
  test('whatever comes in whatever order, a closed approval stays as it was closed', () => {
    fc.assert(
      fc.property(fc.array(admissions), (answers) => {
        let state = waiting;
        for (const answer of answers) {
          const before = state.approval?.standing;
          state = applyAdmission(state, vote, answer);
          const fixed = before !== 'open' || !answer.admitted;
          expect(fixed ? state.approval?.standing : before).toBe(before);
        }
        expect(state.story).toHaveLength(answers.length);
      }),
    );
  });
});

describe('what is possible', () => {
  test.each<[string, DeliveryState, Decision['vote'], RegExp]>([
    ['a vote while it waits', waiting, 'approve', /^possible$/],
    [
      'a vote before there is anything to vote on',
      { ...waiting, approval: null },
      'reject',
      /Nothing waits/,
    ],
    ['a vote after the end', { ...waiting, outcome: 'expired' }, 'approve', /has ended: expired/],
    ['cancelling at any time', { ...waiting, approval: null }, 'cancel', /^possible$/],
    ['cancelling after the end', { ...waiting, outcome: 'promoted' }, 'cancel', /has ended/],
  ])('%s', (_, state, cast, reason) => {
    const found = impossible(state, { vote: cast, by: 'bob' });
    expect(found ?? 'possible').toMatch(reason);
  });

  test('a vote is about the evidence that waits and no other', () => {
    expect(foreignEvidence(waiting, vote)).toBeNull();
    expect(foreignEvidence(waiting, { ...vote, evidence: 'f'.repeat(64) })).toContain(evidence);
    expect(foreignEvidence(waiting, { vote: 'approve', by: 'bob' })).toContain(
      'names the evidence',
    );
    expect(foreignEvidence(waiting, { vote: 'cancel', by: 'bob' })).toBeNull();
  });
});

test('deadlines come in order of time, end with the expiry, and none comes after it', () => {
  const lengths = fc.integer({ min: 1, max: 1_000 });
  fc.assert(
    fc.property(lengths, lengths, lengths, (remindAfter, escalateAfter, expireAfter) => {
      const policy = { ...planFor('m').approval, remindAfter, escalateAfter, expireAfter };
      const deadlines = approvalDeadlines(policy, 5_000);
      const times = deadlines.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(deadlines.at(-1)).toEqual({ kind: 'expired', at: 5_000 + expireAfter });
      expect(deadlines.filter(({ kind }) => kind === 'expired')).toHaveLength(1);
    }),
  );
});

test('the details say what is awaited, from whom, until when and how to answer; and nothing of it after the end', () => {
  const text = renderDelivery(waiting, 'perennial');
  for (const words of [
    'from: role **approver** (bob)',
    'votes: 0 of 1',
    'until: 1970-04-01',
    evidence,
    'perennial approve m',
    'temporal workflow update execute --namespace perennial --workflow-id deliver/m --name decide',
  ])
    expect(text).toContain(words);
  const ended = renderDelivery(
    { ...waiting, outcome: 'rejected', explanation: 'bob said no.' },
    'perennial',
  );
  expect(ended).toContain('Ended: **rejected**. bob said no.');
  expect(ended).not.toContain('perennial approve');
});
