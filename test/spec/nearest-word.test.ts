import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearestWord } from '../../client/nearest-word.js';

test('a word itself is the nearest', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (words) => {
      const word = words[0] ?? '';
      expect(editDistance(word, nearestWord(word, words) ?? '')).toBeLessThanOrEqual(word.length);
      expect(nearestWord(word, words)?.toLowerCase()).toBe(word.toLowerCase());
    }),
  );
});

test('the distance is the same both ways and never more than the longer word', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});

test('a word far from all has no nearest one', () => {
  expect(nearestWord('zzzzzz', ['model', 'owner'])).toBeNull();
  expect(nearestWord('modle', ['model', 'owner'])).toBe('model');
});
