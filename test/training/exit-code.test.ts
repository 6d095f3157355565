import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeExit, judgeExit } from '../../training/exit-code.js';

describe('The exit code of a trainer', () => {
  it.each([
    [0, 1, 'succeeded'],
    [65, 1, 'failed'],
    [78, 1, 'failed'],
    [75, 1, 'retry'],
    [75, 5, 'retry'],
    [143, 3, 'retry'],
    [137, 2, 'retry'],
    [1, 1, 'retry'],
    [1, 2, 'failed'],
    [2, 1, 'failed'],
    [139, 1, 'failed'],
  ] as const)('%i in attempt %i means %s', (code, attempt, judged) => {
    expect(judgeExit({ code, attempt, outOfMemory: false })).toBe(judged);
  });

  it('is final when memory ran out: the same machine would run out again', () => {
    expect(judgeExit({ code: 137, attempt: 1, outOfMemory: true })).toBe('failed');
    expect(describeExit({ code: 137, outOfMemory: true })).toContain('memory');
  });

  it('is a success for nothing but zero', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        (code, outOfMemory, attempt) => {
          expect(judgeExit({ code, outOfMemory, attempt })).not.toBe('succeeded');
          expect(describeExit({ code, outOfMemory })).toContain(String(code));
        },
      ),
    );
  });
});
