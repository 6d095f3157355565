import { describe, expect, it } from 'vitest';
import { checkExpression, decideByPolicy, type PolicyInput } from '../../governance/policy.js';
import { drawUpEvidence, policyDigestOf } from '../../governance/evidence.js';
import { givenSpec } from '../support/given-spec.js';

const input: PolicyInput = {
  candidate: { version: 3, roc_auc: 0.71, log_loss: 0.4 },
  champion: { version: 2, roc_auc: 0.7, log_loss: 0.41 },
  evaluation: { verdict: 'pass', rows: 5_000 },
  trigger: 'drift',
};

describe('decideByPolicy', () => {
  it.each([
    ['candidate.roc_auc > champion.roc_auc', true],
    ['candidate.roc_auc >= champion.roc_auc + 0.05', false],
    ['champion == null || candidate.log_loss < champion.log_loss', true],
    ['evaluation.verdict == "pass" && evaluation.rows >= 1000 && trigger == "drift"', true],
    ['trigger in ["schedule", "age"]', false],
  ])('%s is %s', (expression, expected) => {
    const { result, reason } = decideByPolicy(expression, input);
    expect(result).toBe(expected);
    expect(reason).toContain(expression);
  });

  it.each([
    ['a field that is not there', 'candidate.nothing > 0.5'],
    ['a champion that is not there', 'champion.roc_auc < 0.5'],
    ['something else than true or false', 'trigger'],
    ['a broken expression', 'candidate.roc_auc >'],
    ['a name nobody knows', 'system.exit(1)'],
  ])('denies on %s and says why', (_, expression) => {
    const { result, reason } = decideByPolicy(expression, { ...input, champion: null });
    expect(result).toBe(false);
    expect(reason.length).toBeGreaterThan(expression.length);
  });
});

describe('checkExpression', () => {
  it('accepts what it can decide', () => {
    expect(() => checkExpression('champion == null || candidate.brier < 0.2')).not.toThrow();
  });

  it.each([
    ['candidate.roc_auc >', 'Unexpected token'],
    ['model.roc_auc > 0.5', 'Unknown variable: model'],
    ['candidate.roc_acu > 0.5', 'No such key: roc_acu'],
    ['evaluation.rows + 1 > 500', 'no such overload'],
    ['candidate.roc_auc', 'not true or false'],
  ])('refuses %s', (expression, why) => {
    let refusal: unknown;
    try {
      checkExpression(expression);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({ code: 'POLICY_INVALID' });
    expect((refusal as Error).message).toContain(why);
    expect((refusal as Error).message).toContain(expression);
  });
});

describe('evidence', () => {
  const facts = {
    model: 'flight-delay',
    delivery: 3,
    modelSha256: 'a'.repeat(64),
    evaluationSha256: 'b'.repeat(64),
    snapshotDigest: 'c'.repeat(64),
    policyDigest: 'd'.repeat(64),
    specDigest: 'e'.repeat(64),
  };

  it('has the same digest for the same facts in any order', () => {
    const turned = Object.fromEntries(Object.entries(facts).toReversed()) as typeof facts;
    expect(drawUpEvidence(turned)).toEqual(drawUpEvidence(facts));
  });

  it.each(['modelSha256', 'evaluationSha256', 'snapshotDigest', 'policyDigest', 'specDigest'])(
    'changes with one byte of %s',
    (name) => {
      const changed = drawUpEvidence({ ...facts, [name]: `0${'f'.repeat(63)}` });
      expect(changed.digest).not.toBe(drawUpEvidence(facts).digest);
    },
  );

  it('refuses facts that are not digests', () => {
    expect(() => drawUpEvidence({ ...facts, modelSha256: 'latest' })).toThrow('64 lower-case hex');
  });

  it('covers the gates and the approvers, so that loosening either voids an approval', () => {
    const spec = givenSpec('flight-delay');
    const digest = policyDigestOf(spec);
    const looser = { ...spec, evaluation: { ...spec.evaluation, margin: 0.5 } };
    const alone = { ...spec, approval: { ...spec.approval, selfApproval: true } };
    expect(policyDigestOf(looser)).not.toBe(digest);
    expect(policyDigestOf(alone)).not.toBe(digest);
    expect(policyDigestOf({ ...spec, description: 'other words' })).toBe(digest);
  });
});
