import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canaryArms, championArms } from '../../release/arms.js';
import { chooseArm, placeOf } from '../../serving/arm.js';

const share = fc.double({ min: 0.001, max: 0.5, noNaN: true });
const entity = fc.string({ minLength: 1, maxLength: 40, unit: 'binary' });

function roleOf(step: number | undefined, place: number): string | undefined {
  const arms =
    step === undefined ? championArms(1) : canaryArms({ champion: 1, canary: 2, share: step });
  return chooseArm(arms, place)?.role;
}

describe('the split', () => {
  it('gives each arm its share of many entities', () => {
    for (const step of [0.05, 0.25, 0.5]) {
      const counts = { champion: 0, baseline: 0, canary: 0 };
      const entities = 40_000;
      for (let index = 0; index < entities; index += 1) {
        const role = roleOf(step, placeOf('salt', `carrier ${index}`));
        counts[role as keyof typeof counts] += 1;
      }
      // Four standard deviations of a binomial share.
      const slack = 4 * Math.sqrt((step * (1 - step)) / entities);
      expect(Math.abs(counts.canary / entities - step)).toBeLessThan(slack);
      expect(Math.abs(counts.baseline / entities - step)).toBeLessThan(slack);
    }
  });

  it('never moves an entity between canary and baseline when the step grows', () => {
    fc.assert(
      fc.property(entity, share, share, (key, one, other) => {
        const place = placeOf('salt', key);
        const before = roleOf(Math.min(one, other), place);
        const after = roleOf(Math.max(one, other), place);
        expect(before === 'champion' || after === before).toBe(true);
      }),
    );
  });

  it('puts an entity at the same place for ever, and elsewhere under another salt', () => {
    expect(placeOf('a', 'N12345')).toBe(placeOf('a', 'N12345'));
    let near = 0;
    for (let index = 0; index < 10_000; index += 1) {
      const key = `flight ${index}`;
      if (Math.abs(placeOf('a', key) - placeOf('b', key)) < 0.01) near += 1;
    }
    // Two independent places are within 0.01 of each other with probability 0.0199.
    expect(near / 10_000).toBeGreaterThan(0.013);
    expect(near / 10_000).toBeLessThan(0.027);
  });

  it('stays in [0, 1) for any text', () => {
    fc.assert(
      fc.property(entity, entity, (salt, key) => {
        const place = placeOf(salt, key);
        expect(place >= 0 && place < 1).toBe(true);
      }),
    );
  });

  it('leaves shadows unasked', () => {
    const arms = [
      { version: 3, role: 'shadow', share: 1 },
      { version: 1, role: 'champion', share: 1 },
    ] as const;
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (place) => {
        expect(chooseArm(arms, place)?.version).toBe(1);
      }),
    );
  });
});
