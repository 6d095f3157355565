import { expect, test } from 'vitest';
import { createPerennial } from '../../client/index.js';
import type { LogPage } from '../../contracts/overview.js';

const at = '2026-01-01T00:00:00Z';

function pageOf(from: number, to: number, complete = false): LogPage {
  const lines = Array.from({ length: to - from }, (_, index) => ({
    attempt: 1,
    rank: null,
    offset: from + index,
    line: `line ${from + index}`,
    at,
  }));
  return { lines, next: `1:${to - 1}`, complete };
}

/** A server that plays these answers one after the other, and what it was asked; null is a server that is away. */
function playing(answers: (LogPage | null)[]) {
  const left = [...answers];
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = (input) => {
    asked.push(new URL(new Request(input).url).search);
    const next = left.shift();
    if (!next) return Promise.reject(new TypeError('fetch failed'));
    return Promise.resolve(Response.json(next));
  };
  return { perennial: createPerennial({ url: 'http://door.test', fetch }), asked };
}

async function linesOf(followed: AsyncIterable<{ line: string }>): Promise<string[]> {
  const lines: string[] = [];
  for await (const { line } of followed) lines.push(line);
  return lines;
}

test('followed logs tell each line once and end with the training', async () => {
  const { perennial, asked } = playing([
    pageOf(0, 2),
    pageOf(2, 2),
    pageOf(2, 3),
    pageOf(3, 3, true),
  ]);
  const followed = perennial.followLogs('churn', 7, { every: 1, attempt: 1 });
  expect(await linesOf(followed)).toEqual(['line 0', 'line 1', 'line 2']);
  expect(asked[0]).toBe('?attempt=1&since=0%3A0');
  expect(asked[1]).toBe('?attempt=1&since=1%3A1');
});

test('followed logs outlive a server that restarts, and go on where they stood', async () => {
  const { perennial, asked } = playing([pageOf(0, 2), null, null, pageOf(2, 3, true)]);
  expect(await linesOf(perennial.followLogs('churn', 7, { every: 1 }))).toHaveLength(3);
  expect(asked.at(-1)).toBe('?since=1%3A1');
});

test('an address that never answered is told at once', async () => {
  const { perennial } = playing([]);
  await expect(linesOf(perennial.followLogs('churn', 7, { every: 1 }))).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
  });
});
