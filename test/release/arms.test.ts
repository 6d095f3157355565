import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { route } from '../../contracts/serving.js';
import { canaryArms, championArms } from '../../release/arms.js';
import { planRelease } from '../../release/plan.js';

describe('the arms of a canary step', () => {
  test('share out all traffic, with a baseline as large as the canary', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.5, noNaN: true }), (share) => {
        const arms = canaryArms({ champion: 1, canary: 2, share });
        route.parse({ model: 'm', revision: 1, salt: 's', arms });
        const of = (role: string) => arms.find((arm) => arm.role === role)?.share ?? 0;
        expect(of('canary')).toBe(of('baseline'));
        expect(of('canary') + of('baseline') + of('champion')).toBeCloseTo(1, 8);
      }),
    );
  });

  test('leave the champion nothing in the middle when the two halves are compared', () => {
    expect(canaryArms({ champion: 1, canary: 2, share: 0.5 }).map(({ role }) => role)).toEqual([
      'canary',
      'baseline',
    ]);
  });

  test('are one when nothing is compared', () => {
    expect(championArms(3)).toEqual([{ version: 3, share: 1, role: 'champion' }]);
  });
});

describe('the plan of a release', () => {
  test('goes from staging through the shares to promotion', () => {
    expect(planRelease([0.1, 0.5], 1)).toEqual([
      { kind: 'staging' },
      { kind: 'canary', share: 0.1 },
      { kind: 'canary', share: 0.5 },
      { kind: 'promote' },
    ]);
  });

  test('has no canary for a first version', () => {
    expect(planRelease([0.1, 0.5], null)).toEqual([{ kind: 'staging' }, { kind: 'promote' }]);
  });
});
