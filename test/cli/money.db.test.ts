import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { serve } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApi } from '../../api/app.js';
import { sayFailure } from '../../cli/failure.js';
import { createProgram } from '../../cli/program.js';
import { registerSpec } from '../../db/model/spec.js';
import { silentLog } from '../../runtime/log.js';
import { applicationOf } from '../api/remembered.js';
import { temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

const prices = `
currency: EUR
perHour:
  cpu: 0.045
  memoryGiB: 0.005
  gpus: { a10: 1.20 }
watts:
  cpu: 8
  memoryGiB: 0.4
region: eu-north
regions:
  eu-north:
    carbon: 40
`;

let fresh: FreshDatabase;
let connection: Connection;
let server: ReturnType<typeof serve>;
let file: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  connection = Connection.lazy({ address: '127.0.0.1:1' });
  const engine = { client: new Client({ connection }), patience: 500 };
  const api = createApi({ db: fresh.db, engine, log: silentLog });
  server = await new Promise((resolve) => {
    const listening = serve({ fetch: api.fetch, port: 0, hostname: '127.0.0.1' }, () =>
      resolve(listening),
    );
  });
  vi.stubEnv('PERENNIAL_API', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  file = join(await temporaryFolder(), 'prices.yaml');
  await writeFile(file, prices);
  const { spec, contract, base, by } = applicationOf('churn');
  await registerSpec(fresh.db, { content: { spec, contract, base }, by });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server.close(resolve));
  await connection.close();
  await fresh.close();
});

let out = '';
let err = '';
beforeEach(() => {
  [out, err] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean((out += String(text))));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean((err += String(text))));
});
afterEach(() => vi.restoreAllMocks());

async function perennial(...args: string[]): Promise<number> {
  [out, err] = ['', ''];
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return sayFailure(error, { json: args.includes('--json') });
  }
}

describe('Money at the command line', () => {
  it('says that there are no prices, and how to set them', async () => {
    expect(await perennial('cost', 'churn')).toBe(0);
    expect(out).toBe('churn no prices: set them with `perennial prices set FILE`\n');
    expect(await perennial('budget', 'set', 'team', 'growth', '--hard', '5')).toBe(1);
    expect(err).toContain('PRICES_MISSING');
  });

  it('sets prices, then a budget in their currency, and raises it', async () => {
    expect(await perennial('prices', 'set', file, '--as', 'ada')).toBe(0);
    expect(out).toMatch(/^price book 1 set, [0-9a-f]{12}\n$/);
    expect(await perennial('prices', 'set', file, '--as', 'ada')).toBe(0);
    expect(out).toContain('unchanged');
    expect(await perennial('prices', 'show')).toBe(0);
    expect(out).toContain('"memoryGiB": "0.005"');
    const set = ['budget', 'set', 'team', 'growth', '--soft', '4', '--hard', '5'];
    expect(await perennial(...set, '--as', 'ada')).toBe(0);
    const extend = ['budget', 'extend', 'team', 'growth', '--by', '0.5', '--as', 'bo', '--id', 'x'];
    expect(await perennial(...extend)).toBe(0);
    expect(await perennial(...extend)).toBe(0);
    expect(await perennial('budget', 'list')).toBe(0);
    expect(out.split('\n').slice(0, 2)).toEqual([
      'scope  name    period  currency  spent  held  soft  hard',
      'team   growth  month   EUR       0.00   0.00  4.50  5.50',
    ]);
    expect(await perennial('cost', 'churn')).toBe(0);
    expect(out).toContain('churn 0.00 EUR, 0 kWh, 0 gCO2e. No training has been counted yet.');
    expect(await perennial('cost', 'churn', '--json')).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      model: 'churn',
      currency: 'EUR',
      total: { amount: 0 },
    });
  });

  it.each([
    ['a negative limit', ['budget', 'set', 'team', 'x', '--hard=-1'], 2, "'-1' is not an amount"],
    ['a scope that is none', ['budget', 'set', 'planet', 'x', '--hard', '1'], 2, 'planet'],
    ['no limit', ['budget', 'set', 'team', 'x'], 2, 'name --soft, --hard or both'],
    [
      'another currency',
      ['budget', 'set', 'team', 'x', '--hard', '1', '--currency', 'USD'],
      1,
      'CURRENCY_DIFFERS',
    ],
    [
      'a budget that is not there',
      ['budget', 'extend', 'model', 'x', '--by', '1'],
      1,
      'BUDGET_NOT_FOUND',
    ],
    ['a model that is not there', ['cost', 'nobody'], 1, 'MODEL_NOT_FOUND'],
    ['a file that is not there', ['prices', 'set', 'none.yaml'], 1, 'FILE_NOT_FOUND'],
  ])('%s is refused', async (_, args, exit, says) => {
    expect(await perennial(...args)).toBe(exit);
    expect(err).toContain(says);
    expect(out).toBe('');
  });
});
