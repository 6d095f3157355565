import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { trainingJob } from '../../contracts/training.js';
import { keyOfPreviousAttempt, trainingKey } from '../../training/key.js';

describe('The key of a training attempt', () => {
  const attempt = fc.record({
    installation: fc.string(),
    model: fc.string(),
    delivery: fc.integer({ min: 1 }),
    attempt: fc.integer({ min: 1 }),
  });

  it('is a legal name everywhere and always the same', () => {
    fc.assert(
      fc.property(attempt, (asked) => {
        const key = trainingKey(asked);
        expect(trainingJob.shape.key.parse(key)).toBe(trainingKey({ ...asked }));
        // A Kubernetes label and a Docker name both hold 63 characters.
        expect(key.length).toBeLessThanOrEqual(63);
      }),
    );
  });

  it('differs between installations, models, deliveries, trials and attempts', () => {
    const one = { installation: 'a', model: 'b', delivery: 1, attempt: 1 };
    const others = [
      { installation: 'ab', model: '' },
      { model: 'c' },
      { delivery: 11 },
      { trial: 1 },
      { trial: 2 },
      { attempt: 2 },
    ];
    const keys = [{}, ...others].map((change) => trainingKey({ ...one, ...change }));
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('leads back to the attempt before', () => {
    const asked = { installation: 'a', model: 'b', delivery: 1 };
    const [first, second] = [1, 2].map((number) => trainingKey({ ...asked, attempt: number }));
    expect(keyOfPreviousAttempt(second ?? '')).toBe(first);
    expect(keyOfPreviousAttempt(first ?? '')).toBeNull();
    const [begun, resumed] = [1, 2].map((attempt) => trainingKey({ ...asked, trial: 3, attempt }));
    expect(keyOfPreviousAttempt(resumed ?? '')).toBe(begun);
  });
});
