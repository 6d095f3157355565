import { describe, expect, test } from 'vitest';
import { specTemplate } from '../../cli/init/spec-template.js';
import { parseSpec } from '../../client/spec-file.js';

const asked = [
  '  search:',
  '    metric: holdout_log_loss',
  '    direction: minimize',
  '    trials: 6',
  '    parallel: 2',
  '    parameters:',
  '      learningRate: { type: float, low: 0.01, high: 0.3, log: true }',
  '      maximumDepth: { type: int, low: 2, high: 8 }',
  '      boosting: { type: categorical, choices: [gbdt, dart] }',
].join('\n');
const plain = specTemplate('churn', 'ada');
const searching = plain.replace(/^training:.*$/m, (line) => `${line}\n${asked}`);

describe('a search in model.yaml', () => {
  test('is left out where nobody asks for it, so that digests stay what they were', () => {
    expect(parseSpec(plain).training).not.toHaveProperty('search');
  });

  test('is taken as it is written', () => {
    expect(parseSpec(searching).training.search).toMatchObject({ trials: 6, stopEarly: 'none' });
  });

  test.each([
    [
      'a range that ends before it begins',
      'low: 2, high: 8',
      'low: 8, high: 2',
      'must not be below',
    ],
    ['a logarithm of nothing', 'low: 0.01', 'low: 0', 'a logarithmic range starts above 0'],
    ['no choices', '[gbdt, dart]', '[]', 'search.parameters.boosting.choices'],
    ['no trials', 'trials: 6', 'trials: 0', 'training.search.trials'],
    [
      'more at a time than in all',
      'parallel: 2',
      'parallel: 7',
      'cannot be more than the 6 trials',
    ],
    ['a direction that is none', 'minimize', 'down', 'must be minimize or maximize'],
    [
      'an unknown rule',
      'trials: 6',
      'trials: 6\n    stopEarly: never',
      'must be median or halving or none',
    ],
  ])('is refused with %s', (_, from, to, message) => {
    const text = searching.replace(from, to);
    expect(text).not.toBe(searching);
    expect(() => parseSpec(text)).toThrow(message);
  });

  test('is refused where it searches what is fixed, and where it searches nothing', () => {
    expect(() => parseSpec(searching.replace('boosting: {', 'trees: {'))).toThrow(
      "'trees' is fixed in training.parameters already",
    );
    const nothing = searching.replace(/ {4}parameters:\n(?: {6}.*\n)+/, '    parameters: {}\n');
    expect(() => parseSpec(nothing)).toThrow('names no parameter to search');
  });
});
