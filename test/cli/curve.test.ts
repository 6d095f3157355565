import { describe, expect, test } from 'vitest';
import { drawCurve, type Point } from '../../cli/watch/curve.js';

const pointsOf = (values: number[]): Point[] => values.map((value, step) => ({ step, value }));

describe('a curve of braille', () => {
  test('goes from the upper left to the lower right where it falls', () => {
    expect(drawCurve(pointsOf([3, 2, 1, 0]), { width: 2, height: 1 })).toEqual(['⠑⢄']);
    expect(drawCurve(pointsOf([7, 6, 5, 4, 3, 2, 1, 0]), { width: 4, height: 2 })).toEqual([
      '⠑⢄⠀⠀',
      '⠀⠀⠑⢄',
    ]);
  });

  test('joins points that lie far apart', () => {
    const [row] = drawCurve(pointsOf([0, 1]), { width: 10, height: 1 });
    expect(row).not.toContain('⠀');
    const steep = drawCurve([...pointsOf([0]), { step: 0, value: 9 }], { width: 1, height: 3 });
    expect(steep.every((line) => line !== '⠀')).toBe(true);
  });

  test('lies in the middle where it does not move, also with one point', () => {
    expect(drawCurve(pointsOf([5, 5]), { width: 2, height: 1 })).toEqual(['⠤⠤']);
    expect(drawCurve(pointsOf([5]), { width: 1, height: 1 })).toEqual(['⠄']);
  });

  test('draws nothing of nothing, and passes over what is no number', () => {
    expect(drawCurve([], { width: 9, height: 3 })).toEqual([]);
    expect(drawCurve(pointsOf([Number.NaN, Infinity]), { width: 9, height: 3 })).toEqual([]);
    expect(drawCurve(pointsOf([1]), { width: 0, height: 3 })).toEqual([]);
    expect(drawCurve(pointsOf([3, Number.NaN, 1, 0]), { width: 2, height: 1 })).toHaveLength(1);
  });

  test.each([
    ['the largest numbers', [-Number.MAX_VALUE, Number.MAX_VALUE]],
    ['the smallest', [5e-324, 1e-323]],
    ['thousands of points', Array.from({ length: 20_000 }, (_, step) => Math.sin(step))],
  ])('keeps to its size with %s', (_, values) => {
    const rows = drawCurve(pointsOf(values), { width: 30, height: 5 });
    expect(rows).toHaveLength(5);
    for (const row of rows) expect(row).toMatch(/^[\u2800-\u28ff]{30}$/);
  });
});
