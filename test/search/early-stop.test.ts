import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeTrial, type StopRule, type TrialCurve } from '../../training/early-stop.js';

const least: StopRule = { rule: 'median', metric: 'loss', direction: 'minimize' };
const curve = (trial: number, values: number[], complete = true): TrialCurve => ({
  trial,
  complete,
  points: values.map((value, index) => ({ step: index + 1, value })),
});
const others = [curve(1, [5, 4, 3]), curve(2, [6, 5, 4]), curve(3, [7, 6, 5])];

describe('by median', () => {
  test('a trial that is worse than the median at its step is stopped, with all that it was compared with', () => {
    expect(judgeTrial(least, curve(4, [5, 5.5], false), others)).toEqual({
      ...least,
      step: 2,
      value: 5.5,
      others: [
        { trial: 1, value: 4 },
        { trial: 2, value: 5 },
        { trial: 3, value: 6 },
      ],
      bar: 5,
    });
  });

  test('one that reaches the median goes on, also where more is better', () => {
    expect(judgeTrial(least, curve(4, [9, 5], false), others)).toBeNull();
    const most: StopRule = { ...least, direction: 'maximize' };
    expect(judgeTrial(most, curve(4, [5, 5.5], false), others)).toBeNull();
    expect(judgeTrial(most, curve(4, [5, 4.5], false), others)?.bar).toBe(5);
  });

  test('nothing is concluded from two others, nor from such as were stopped themselves', () => {
    const few = [...others.slice(0, 2), curve(3, [1, 1], false)];
    expect(judgeTrial(least, curve(4, [90, 90], false), few)).toBeNull();
  });
});

describe('by halving', () => {
  const rule: StopRule = { ...least, rule: 'halving' };
  const running = others.map((each) => ({ ...each, complete: false }));

  test('at each rung the better half goes on', () => {
    expect(judgeTrial(rule, curve(4, [9, 4.5, 90], false), running)).toBeNull();
    expect(judgeTrial(rule, curve(4, [1, 5.5], false), running)).toMatchObject({
      step: 2,
      bar: 5,
    });
  });

  test('a trainer that tells every tenth step is judged at the first that it tells of a rung', () => {
    const tenfold = (each: TrialCurve): TrialCurve => ({
      ...each,
      points: each.points.map(({ step, value }) => ({ step: step * 10, value })),
    });
    const judged = judgeTrial(rule, tenfold(curve(4, [1, 9, 1])), running.map(tenfold));
    expect(judged).toMatchObject({ step: 20, value: 9 });
  });
});

test('the best of all is never stopped, and what is stopped is worse than its bar', () => {
  const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(values, fc.boolean()), { minLength: 1, maxLength: 8 }),
      fc.constantFrom('median' as const, 'halving' as const),
      fc.constantFrom('minimize' as const, 'maximize' as const),
      (drawn, rule, direction) => {
        const curves = drawn.map(([points, complete], index) => curve(index + 1, points, complete));
        for (const own of curves) {
          const rest = curves.filter(({ trial }) => trial !== own.trial);
          const judged = judgeTrial({ rule, metric: 'loss', direction }, own, rest);
          if (!judged) continue;
          const sign = direction === 'minimize' ? 1 : -1;
          expect(sign * (judged.value - judged.bar)).toBeGreaterThan(0);
          expect(judged.others.some(({ value }) => sign * (judged.value - value) > 0)).toBe(true);
          expect(judged.others.length).toBeGreaterThanOrEqual(3);
        }
      },
    ),
  );
});
