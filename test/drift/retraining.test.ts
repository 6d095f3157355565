import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideRetraining, type RetrainingHistory } from '../../drift/retraining.js';

const hour = 3_600_000;
const now = new Date('2026-03-01T00:00:00Z');
const ago = (time: number): Date => new Date(now.getTime() - time);
const standing = { trigger: 'performance' as const, reason: 'Predictions became worse.' };
const policy = { cooldown: 24 * hour, maximumPerMonth: 4, maximumAge: null };
const quiet: RetrainingHistory = {
  championSince: ago(100 * hour),
  lastAt: ago(48 * hour),
  lastMonth: 0,
  failures: 0,
  running: null,
};
const decide = (
  history: Partial<RetrainingHistory> = {},
  given: Partial<Parameters<typeof decideRetraining>[0]> = {},
) => decideRetraining({ standing, policy, now, ...given, history: { ...quiet, ...history } });

describe('a retraining', () => {
  test('is decided on an alarm, for the alarm’s reason', () => {
    expect(decide()).toEqual({
      action: 'retrain',
      trigger: 'performance',
      reason: 'Predictions became worse.',
    });
  });

  test('is not decided on nothing', () => {
    expect(decide({}, { standing: null }).action).toBe('none');
  });

  test('that an earlier check called for is told as such, so that it does not contradict what this one saw', () => {
    expect(decide({ running: 7 }, { carried: true }).reason).toBe(
      'Found by an earlier check and not weighed again since: Predictions became worse. Held: delivery 7 is under way.',
    );
  });

  test('is held while a delivery runs, in the cooldown, and at the month’s number, with the numbers', () => {
    expect(decide({ running: 7 }).reason).toBe(
      'Predictions became worse. Held: delivery 7 is under way.',
    );
    expect(decide({ lastAt: ago(3 * hour) }).reason).toMatch(/ended 3 h ago, the cooldown is 24 h/);
    expect(decide({ lastMonth: 4 }).reason).toMatch(/4 retrainings in thirty days, 4 are allowed/);
  });

  test('backs off after challengers that failed', () => {
    expect(decide({ failures: 1 }).action).toBe('retrain');
    expect(decide({ failures: 3 }).action).toBe('hold');
    expect(decide({ failures: 3, lastAt: ago(97 * hour) }).action).toBe('retrain');
    expect(decide({ failures: 60, lastAt: ago(15 * 24 * hour) }).action).toBe('retrain');
  });

  test('is due at the champion’s maximum age', () => {
    const aged = { standing: null, policy: { ...policy, maximumAge: 90 * hour } };
    expect(decide({}, aged)).toMatchObject({ action: 'retrain', trigger: 'age' });
    expect(decide({ championSince: ago(89 * hour) }, aged).action).toBe('none');
  });

  test('never breaks the cooldown nor the month’s number, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ after: fc.nat(30 * hour), alarm: fc.boolean(), promoted: fc.boolean() }),
          {
            maxLength: 200,
          },
        ),
        (events) => {
          let time = now.getTime();
          const decided: number[] = [];
          let failures = 0;
          for (const { after, alarm, promoted } of events) {
            time += after;
            const month = decided.filter((at) => at > time - 30 * 24 * hour).length;
            const last = decided.at(-1);
            const { action } = decideRetraining({
              standing: alarm ? standing : null,
              policy,
              now: new Date(time),
              history: {
                championSince: now,
                lastAt: last === undefined ? null : new Date(last),
                lastMonth: month,
                failures,
                running: null,
              },
            });
            if (action !== 'retrain') continue;
            expect(alarm).toBe(true);
            expect(month).toBeLessThan(4);
            expect(time - (last ?? -Infinity)).toBeGreaterThanOrEqual(policy.cooldown);
            decided.push(time);
            failures = promoted ? 0 : failures + 1;
          }
        },
      ),
    );
  });
});
