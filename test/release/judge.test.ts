import { describe, expect, test } from 'vitest';
import { judgement as judgementContract } from '../../contracts/release.js';
import { judgeStep } from '../../release/judge.js';
import { healthy, noCounts, policy, watchCanary } from './traffic.js';

const basis = {
  exposure: { requests: 0, milliseconds: 0 },
  latencyBound: 9_051,
  dispersion: { windows: 0, errors: 1, latency: 1 },
  policy,
};

const look = {
  step: 1,
  look: 1,
  at: '2026-01-01T00:00:00.000Z',
  canary: noCounts(),
  baseline: noCounts(),
  expectedShare: 0.5,
  basis,
};

/** 1,000 fast answers, and some errors. */
const fast = (errors: number, requests = 1_000) => ({
  ...noCounts(),
  entities: requests,
  requests,
  errors,
  latency: noCounts().latency.map((_, bin) => (bin === 8 ? requests - errors : 0)),
});

const times = (many: number): number[] => Array.from({ length: many }, (_, index) => index);

describe('the judge of a canary', () => {
  test('waits while nothing was seen, and asks a person when the time is over', () => {
    expect(judgeStep(look).recommendation).toBe('wait');
    const late = judgeStep({
      ...look,
      basis: { ...basis, exposure: { requests: 0, milliseconds: policy.maximumTime } },
    });
    expect(late.recommendation).toBe('ask');
    expect(late.verdict).toBe('inconclusive');
    expect(late.reason).toMatch(/a person decides/);
  });

  test('rolls back a version that refuses what the champion answers, within a few dozen requests', () => {
    const judged = judgeStep({ ...look, canary: fast(15, 60), baseline: fast(0, 60) });
    expect(judged.recommendation).toBe('rollback');
    expect(judged.verdict).toBe('fail');
    expect(judged.reason).toMatch(/15 errors in 60 requests \(25\.0 %\)/);
  });

  test('does not roll back for a handful of errors', () => {
    const judged = judgeStep({ ...look, canary: fast(4, 200), baseline: fast(0, 200) });
    expect(judged.recommendation).toBe('wait');
  });

  test('promotes only after the requests and the time that a step needs', () => {
    const arms = { canary: fast(0, 3_000), baseline: fast(0, 3_000) };
    const judge = (requests: number, milliseconds: number) =>
      judgeStep({ ...look, ...arms, basis: { ...basis, exposure: { requests, milliseconds } } })
        .recommendation;
    expect(judge(999, policy.minimumTime)).toBe('wait');
    expect(judge(1_000, policy.minimumTime - 1)).toBe('wait');
    expect(judge(1_000, policy.minimumTime)).toBe('promote');
  });

  test('trusts no comparison when the entities are not split as the route asks', () => {
    const judged = judgeStep({
      ...look,
      canary: { ...fast(0), entities: 1_300 },
      baseline: { ...fast(0), entities: 1_000 },
    });
    expect(judged.recommendation).toBe('ask');
    expect(judged.findings[0]?.verdict).toBe('fail');
  });

  test('weighs a burst of errors less than as many errors one by one', () => {
    const arms = { canary: fast(16), baseline: fast(0) };
    const bursts = { windows: 10, errors: 4, latency: 1 };
    expect(judgeStep({ ...look, ...arms }).recommendation).toBe('rollback');
    expect(
      judgeStep({ ...look, ...arms, basis: { ...basis, dispersion: bursts } }).recommendation,
    ).toBe('wait');
  });

  test('can be judged again from what is stored, to the last digit', () => {
    const judged = watchCanary({ seed: 'again', canary: { ...healthy, errorRate: 0.05 } });
    const stored = judgementContract.parse(JSON.parse(JSON.stringify(judged)));
    expect(judgeStep(stored)).toEqual(judged);
  });
});

describe('over simulated releases', { timeout: 60_000 }, () => {
  test('an equal version is rolled back in fewer than one of twenty, looked at every minute', () => {
    const ended = times(40).map((run) =>
      watchCanary({ seed: `null/${run}`, canary: healthy, requests: 300, looks: 45 }),
    );
    const rolledBack = ended.filter((each) => each.recommendation === 'rollback');
    const promoted = ended.filter((each) => each.recommendation === 'promote');
    expect(rolledBack.length).toBeLessThanOrEqual(2);
    expect(promoted.length).toBeGreaterThanOrEqual(25);
  });

  test('five times the errors are stopped in all of them, in a median of at most ten minutes', () => {
    const ended = times(30).map((run) =>
      watchCanary({ seed: `errors/${run}`, canary: { ...healthy, errorRate: 0.05 } }),
    );
    expect(ended.every((each) => each.recommendation === 'rollback')).toBe(true);
    const looks = ended.map((each) => each.look).toSorted((a, b) => a - b);
    expect(looks[15]).toBeLessThanOrEqual(10);
  });

  test('twice the latency is stopped in all of them', () => {
    const ended = times(30).map((run) =>
      watchCanary({ seed: `slow/${run}`, canary: { ...healthy, latency: 8_000 }, requests: 50 }),
    );
    expect(ended.every((each) => each.recommendation === 'rollback')).toBe(true);
  });

  test('predictions far off are stopped by their labels in nearly all of them', () => {
    const ended = times(30).map((run) =>
      watchCanary({ seed: `bias/${run}`, canary: { ...healthy, bias: 1.5 } }),
    );
    expect(ended.filter((each) => each.recommendation === 'rollback').length).toBeGreaterThan(27);
  });

  test('a version as bad as the margin is promoted in at most one of ten', () => {
    const ended = times(30).map((run) =>
      watchCanary({
        seed: `margin/${run}`,
        canary: { ...healthy, errorRate: 0.015 },
        requests: 300,
        looks: 40,
      }),
    );
    const promoted = ended.filter((each) => each.recommendation === 'promote');
    expect(promoted.length).toBeLessThanOrEqual(3);
  });

  test('a version without labels is judged on what there is', () => {
    const judged = watchCanary({
      seed: 'no labels',
      canary: healthy,
      labels: false,
      requests: 500,
      looks: 60,
    });
    expect(judged.recommendation).toBe('promote');
    expect(judged.findings.at(-1)?.reason).toMatch(/not judged/);
  });
});
