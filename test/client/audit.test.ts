import { expect, test } from 'vitest';
import { createPerennial } from '../../client/index.js';

test('the audit trail is read page by page until there is no more', async () => {
  const asked: string[] = [];
  const entryOf = (sequence: number) => ({
    sequence,
    at: '2001-01-01T00:00:00.000Z',
    actor: 'ada',
    action: 'spec.applied',
    subject: 'churn',
    detail: {},
    hash: 'a'.repeat(64),
  });
  const fetch: typeof globalThis.fetch = async (input) => {
    const { searchParams } = new URL(input as URL);
    asked.push(searchParams.toString());
    const after = Number(searchParams.get('after'));
    const left = Math.min(Number(searchParams.get('limit')), 2_003 - after);
    const entries = Array.from({ length: left }, (_, index) => entryOf(after + index + 1));
    return Response.json({ entries });
  };
  const perennial = createPerennial({ url: 'http://perennial.test', fetch });
  const seen: number[] = [];
  for await (const { sequence } of perennial.auditTrail({ model: 'churn' })) seen.push(sequence);
  expect(seen).toEqual(Array.from({ length: 2_003 }, (_, index) => index + 1));
  expect(asked).toEqual([0, 1_000, 2_000].map((after) => `model=churn&after=${after}&limit=1000`));
});
