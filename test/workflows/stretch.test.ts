import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  beginStretch,
  extendStretch,
  pauseStretch,
  resumeStretch,
} from '../../workflows/release/stretch.js';

const hour = 3_600_000;

test('a pause does not use the time up', () => {
  const paused = pauseStretch(beginStretch(0, hour), 600_000);
  expect(resumeStretch(paused, 5 * hour)).toEqual({
    since: 0,
    until: 5 * hour + 3_000_000,
    pausedAt: null,
  });
});

test('extending adds to what is left, and begins now where nothing is left', () => {
  const step = beginStretch(0, hour);
  expect(extendStretch(step, 600_000, hour).until).toBe(2 * hour);
  expect(extendStretch(step, 3 * hour, hour).until).toBe(4 * hour);
});

test('whatever people do, the step keeps its beginning and never has less time left than before', () => {
  const acts = fc.array(
    fc.record({ act: fc.constantFrom('pause', 'resume', 'extend'), after: fc.nat(2 * hour) }),
  );
  fc.assert(
    fc.property(acts, (commands) => {
      let now = 0;
      let step = beginStretch(now, hour);
      for (const { act, after } of commands) {
        now += after;
        const before = step;
        if (act === 'pause') step = pauseStretch(step, now);
        else if (act === 'resume') step = resumeStretch(step, now);
        else step = extendStretch(step, now, hour);
        expect(step.since).toBe(0);
        expect(step.until).toBeGreaterThanOrEqual(before.until);
        expect(step.until - now).toBeGreaterThanOrEqual(act === 'extend' ? hour : -Infinity);
      }
    }),
  );
});
