import { expect, test } from 'vitest';
import { data } from './rows.js';

test.each([
  ['label', /a feature cannot be named 'label'/],
  ['Event_Time', /a feature cannot be named 'Event_Time'/],
  ['Distance', /feature 'Distance' is named twice/],
])('a feature called %s would overwrite a column and is refused', (name, refusal) => {
  const features = ['distance', name].map((each) => ({ name: each, type: 'number' as const }));
  expect(() => data({ features })).toThrow(refusal);
});
