import { expect, test } from 'vitest';
import { createPerennial } from '../../client/index.js';
import type { DeliveryDetail } from '../../contracts/overview.js';

const digest = 'd'.repeat(64);

function detailOf(change: Partial<DeliveryDetail['delivery']>): DeliveryDetail {
  const delivery: DeliveryDetail['delivery'] = {
    model: 'churn',
    number: 7,
    workflowId: 'deliver/churn',
    runId: 'run',
    trigger: 'manual',
    requestedBy: 'ada',
    reason: '',
    stage: 'ingest',
    outcome: null,
    explanation: '',
    specDigest: digest,
    version: null,
    openedAt: '2026-01-01T00:00:00Z',
    closedAt: null,
    seconds: {},
    ...change,
  };
  return { delivery, checks: [], gates: [], approval: null, release: null, training: null };
}

/** A server that plays these answers one after the other; null is a server that is away. */
function playing(answers: (DeliveryDetail | null)[]) {
  const left = [...answers];
  const fetch: typeof globalThis.fetch = (input) => {
    if (new Request(input).url.includes('deliveries?'))
      return Promise.resolve(Response.json({ deliveries: [detailOf({}).delivery] }));
    const next = left.shift();
    if (!next) return Promise.reject(new TypeError('fetch failed'));
    return Promise.resolve(Response.json(next));
  };
  return createPerennial({ url: 'http://door.test', fetch });
}

const ended = detailOf({ stage: 'done', outcome: 'promoted', closedAt: '2026-01-02T00:00:00Z' });

test('a watch tells each change once and ends with the outcome', async () => {
  const first = detailOf({ seconds: { ingest: 1 } });
  const later = detailOf({ seconds: { ingest: 2 } });
  const stages: string[] = [];
  const watched = playing([first, later, detailOf({ stage: 'train' }), ended, first]);
  for await (const { delivery } of watched.watch('churn', { every: 1 }))
    stages.push(delivery.stage);
  expect(stages).toEqual(['ingest', 'train', 'done']);
});

test('a watch outlives a server that is away for a moment', async () => {
  const stages: string[] = [];
  const watched = playing([detailOf({}), null, ended]);
  for await (const { delivery } of watched.watch('churn', { number: 7, every: 1 }))
    stages.push(delivery.stage);
  expect(stages).toEqual(['ingest', 'done']);
});

test('a watch of a server that was never there fails at once', async () => {
  await expect(playing([]).watch('churn', { number: 7 }).next()).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
  });
});

test('a watch ends when it is told to', async () => {
  const giveUp = new AbortController();
  const watch = playing([detailOf({})]).watch('churn', {
    number: 7,
    every: 60_000,
    signal: giveUp.signal,
  });
  await watch.next();
  giveUp.abort();
  await expect(watch.next()).rejects.toMatchObject({ name: 'AbortError' });
});
