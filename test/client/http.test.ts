import { expect, test } from 'vitest';
import { z } from 'zod';
import { createHttp } from '../../client/http.js';
import { createGateway, createPerennial } from '../../client/index.js';

/** A door that answers this, and remembers what it was asked. */
function answering(status: number, body: unknown) {
  const asked: { url: string; init: RequestInit | undefined }[] = [];
  const fetch: typeof globalThis.fetch = (input, init) => {
    asked.push({ url: new Request(input, init).url, init });
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return Promise.resolve(new Response(text, { status }));
  };
  return { fetch, asked, url: 'http://door.test' };
}

test('an error keeps the code and the request id of the server', async () => {
  const door = answering(404, {
    code: 'MODEL_NOT_FOUND',
    message: 'There is no model.',
    hint: '',
    requestId: 'r-1',
  });
  await expect(createPerennial(door).showModel('x')).rejects.toMatchObject({
    code: 'MODEL_NOT_FOUND',
    message: 'There is no model.',
    details: { requestId: 'r-1' },
  });
});

test('an error of the gateway is told the same way', async () => {
  const door = answering(400, { error: 'Input x is missing.', code: 'REQUEST_SHAPE' });
  await expect(createGateway(door).infer('m', { a: 1 })).rejects.toMatchObject({
    code: 'REQUEST_SHAPE',
  });
});

test.each([
  ['a page that is not ours', 502, '<html>Bad gateway</html>'],
  ['an error of another make', 500, { message: 'oops' }],
])('%s counts as unreachable', async (_, status, body) => {
  await expect(createPerennial(answering(status, body)).listModels()).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
  });
});

test('an answer of another shape is refused rather than believed', async () => {
  const http = createHttp(answering(200, { models: 3 }));
  await expect(http.get('/', z.object({ models: z.array(z.string()) }))).rejects.toMatchObject({
    code: 'INTERNAL',
  });
});

test('a door that hangs is given up in time', async () => {
  const fetch: typeof globalThis.fetch = (_, init) =>
    new Promise((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason as Error));
    });
  const http = createHttp({ url: 'http://door.test', fetch, timeout: 20 });
  await expect(http.get('/', z.unknown())).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
    message: 'http://door.test did not answer in time.',
  });
});

test('a name cannot leave its place in the path', async () => {
  const door = answering(404, {});
  await expect(createPerennial(door).showModel('../../etc')).rejects.toMatchObject({
    code: 'SERVER_UNREACHABLE',
  });
  expect(door.asked[0]?.url).toBe('http://door.test/api/v1/models/..%2F..%2Fetc');
});

test('rows become columns with a shape and a type each', async () => {
  const door = answering(200, {
    id: 'p',
    model_version: '2',
    outputs: [{ name: 'probability', data: [0.25, 0.5] }],
  });
  const rows = [
    { carrier: 'AA', distance: 300 },
    { carrier: 'UA', distance: 900 },
  ];
  const answer = await createGateway(door).infer('flights', rows, { entity: 'AA-1' });
  expect(answer).toEqual({ ids: ['p/0', 'p/1'], version: '2', probabilities: [0.25, 0.5] });
  expect(JSON.parse(String(door.asked[0]?.init?.body as string))).toEqual({
    parameters: { entity: 'AA-1' },
    inputs: [
      { name: 'carrier', shape: [2, 1], datatype: 'BYTES', data: ['AA', 'UA'] },
      { name: 'distance', shape: [2, 1], datatype: 'FP32', data: [300, 900] },
    ],
  });
});

test('a vote carries a key of its own, so that sending it again counts once', async () => {
  const door = answering(200, {
    admitted: true,
    code: null,
    reason: '',
    standing: 'approved',
    approvals: 1,
    quorum: 1,
  });
  const { approve } = createPerennial(door);
  await approve('m', { by: 'bob', evidence: 'e'.repeat(64) });
  await approve('m', { by: 'bob', evidence: 'e'.repeat(64), idempotencyKey: 'mine' });
  const keys = door.asked.map(({ init }) => new Headers(init?.headers).get('idempotency-key'));
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys[1]).toBe('mine');
});
