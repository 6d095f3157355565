import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { PerennialError } from '../../contracts/errors.js';
import { toFailure } from '../../workers/failure-interceptor.js';

const failureOf = (error: unknown) => toFailure(error) as ApplicationFailure;

test('an error of the catalogue keeps its code, and is final where a person has to act', () => {
  expect(failureOf(new PerennialError('SOURCE_NOT_FOUND', 'No file.'))).toMatchObject({
    type: 'SOURCE_NOT_FOUND',
    nonRetryable: true,
    message: 'No file.',
  });
  expect(failureOf(new PerennialError('SELF_APPROVAL', 'No.')).nonRetryable).toBe(true);
  expect(failureOf(new PerennialError('TRAINING_HUNG', 'Silent.')).nonRetryable).toBe(false);
  expect(failureOf(new PerennialError('FENCED', 'Moved.')).nonRetryable).toBe(false);
});

test('a database that is away is tried again under its own code, however deep the cause lies', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  const wrapped = new Error('Failed query: INSERT … params: secret', { cause: refused });
  expect(failureOf(wrapped)).toMatchObject({ type: 'DATABASE_UNAVAILABLE', nonRetryable: false });
  expect(failureOf(wrapped).message).toBe('connect ECONNREFUSED');
});

test('an unexpected error tells its message and nothing of its stack', () => {
  const failure = failureOf(new TypeError('x is undefined'));
  expect(failure).toMatchObject({
    type: 'INTERNAL',
    message: 'x is undefined',
    nonRetryable: false,
  });
  expect(failure.stack).toBe('');
});

test('cancellations and deliberate failures pass as they are', () => {
  for (const error of [new CancelledFailure('stop'), ApplicationFailure.nonRetryable('no')])
    expect(toFailure(error)).toBe(error);
});
