import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, test } from 'vitest';
import { createApi } from '../../api/app.js';
import { createPerennial } from '../../client/index.js';
import { connectDatabase } from '../../db/connect.js';
import { readApiToken } from '../../runtime/api-token.js';
import { isLoopback } from '../../runtime/config.js';
import { silentLog } from '../../runtime/log.js';
import { temporaryFolder } from '../support/artifacts.js';

const token = 'a'.repeat(31) + 'B';
// Nobody listens there: whoever passes the token meets an error of the database.
const { db } = connectDatabase({ url: 'postgresql://127.0.0.1:1/none', log: silentLog });
const client = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
const api = createApi({ db, engine: { client, patience: 100 }, log: silentLog, token });
const fetch: typeof globalThis.fetch = async (input, init) => api.request(input, init);

describe('a control API with a token', () => {
  test.each([
    ['no header', undefined],
    ['another token', `Bearer ${'b'.repeat(32)}`],
    ['a beginning of it', `Bearer ${token.slice(0, -1)}`],
    ['another scheme', `Basic ${token}`],
    ['nothing behind the scheme', 'Bearer '],
  ])('answers 401 to %s, with the code and how to ask', async (_, authorization) => {
    const headers = authorization === undefined ? {} : { authorization };
    for (const path of ['/api/v1/models', '/api/v1/openapi.json', '/metrics', '/nowhere']) {
      const answer = await api.request(path, { headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="perennial"');
      expect(await answer.json()).toMatchObject({ code: 'UNAUTHENTICATED' });
    }
  });

  test('lets the SDK pass that knows it, and refuses the one that does not with its code', async () => {
    const url = 'http://perennial.test';
    await expect(createPerennial({ url, fetch, token }).listModels()).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    await expect(createPerennial({ url, fetch }).listModels()).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  test('tells whoever asks that it lives, and nothing else', async () => {
    const answer = await api.request('/health');
    expect([answer.status, await answer.json()]).toEqual([200, { live: true }]);
  });
});

test('a token file holds one long word; anything else is refused by the setting’s name', async () => {
  const file = join(await temporaryFolder(), 'token');
  await writeFile(file, `${token}\n`);
  expect(readApiToken(file)).toBe(token);
  for (const content of ['', 'short', `two words ${token}`, `${'ü'.repeat(40)}`]) {
    await writeFile(file, content);
    expect(() => readApiToken(file)).toThrow(/PERENNIAL_API_TOKEN_FILE .* holds no token/);
  }
  expect(() => readApiToken(`${file}.gone`)).toThrow(/cannot be read/);
});

test('only addresses of this machine are loopback', () => {
  expect(['127.0.0.1', '127.1.2.3', '::1', 'localhost'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', ''].some(isLoopback)).toBe(false);
});
