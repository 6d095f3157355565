import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerSpec } from '../../db/model/spec.js';
import { applicationOf, rememberVersion } from '../api/remembered.js';
import { temporaryFolder } from '../support/artifacts.js';
import { startProgram, type ProgramInProcess } from './program-in-process.js';

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

let program: ProgramInProcess;
let file: string;
let specDigest: string;
beforeAll(async () => {
  program = await startProgram();
  file = join(await temporaryFolder(), 'prices.yaml');
  await writeFile(file, prices);
  const { spec, contract, base, by } = applicationOf('churn');
  const registered = await registerSpec(program.db, { content: { spec, contract, base }, by });
  specDigest = registered.digest;
});
afterAll(() => program.close());

/** What a call says that has to succeed. */
const say = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await program.perennial(...args);
  expect(code, err).toBe(0);
  return out;
};

describe('Money at the command line', () => {
  it('says that there are no prices, and how to set them', async () => {
    expect(await say('cost', 'churn')).toBe(
      'churn no prices: set them with `perennial prices set FILE`\n',
    );
    const refused = await program.perennial('budget', 'set', 'team', 'growth', '--hard', '5');
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('PRICES_MISSING');
  });

  it('sets prices, then a budget in their currency, and raises it', async () => {
    const prices = ['prices', 'set', file, '--as', 'ada'];
    expect(await say(...prices)).toMatch(/^price book 1 set, [0-9a-f]{12}\n$/);
    expect(await say(...prices)).toContain('unchanged');
    expect(await say('prices', 'show')).toContain('"memoryGiB": "0.005"');
    const stranger = "There is no model of team 'growth' yet: is the name right?";
    const set = ['budget', 'set', 'team', 'growth', '--soft', '4', '--hard', '5', '--as', 'ada'];
    expect(await say(...set)).toContain(stranger);
    const extend = ['budget', 'extend', 'team', 'growth', '--by', '0.5', '--as', 'bo', '--id', 'x'];
    expect(await say(...extend)).toContain('changed: soft 4.00 → 4.50, hard 5.00 → 5.50\n');
    expect(await say(...extend)).toContain('nothing changed\n');
    expect((await say('budget', 'list')).split('\n').slice(0, 2)).toEqual([
      'scope  name    period  currency  spent  held  soft  hard',
      'team   growth  month   EUR       0.00   0.00  4.50  5.50',
    ]);
    expect(await say('cost', 'churn')).toContain(
      'churn 0.00 EUR, 0 kWh, 0 gCO2e. No training has been counted yet.',
    );
    expect(JSON.parse(await say('cost', 'churn', '--json'))).toMatchObject({
      model: 'churn',
      currency: 'EUR',
      total: { amount: 0 },
    });
  });

  it('keeps what is not named of a budget, and says what it was before', async () => {
    const set = (...limits: string[]) =>
      say('budget', 'set', 'model', 'churn', '--as', 'ada', ...limits);
    expect(await set('--soft', '4', '--hard', '5', '--period', 'total')).toContain(
      'new: there was none\n',
    );
    const [, stands, changed] = (await set('--hard', '0', '--soft', 'none')).split('\n');
    expect(stands?.split(/ +/).slice(2)).toEqual(['total', 'EUR', '0.00', '0.00', '-', '0.00']);
    expect(changed).toBe('changed: soft 4.00 → none, hard 5.00 → 0.00');
    expect(await set('--period', 'month')).toContain('changed: period total → month\n');
  });

  it('tells what answering costs beside the trainings, for each thousand predictions too', async () => {
    await rememberVersion(program.db, { model: 'churn', version: 1, specDigest });
    await program.db
      .execute(sql`INSERT INTO serving_usage (model, version, month, price_book, gateway, epoch, predictions, processor_us, mebibyte_ms, amount, millijoules, micrograms)
        VALUES ('churn', 1, '2026-03-01', 1, 'g', 1, 4000, 8000000, 0, 100, 64080000, 712000)`);
    const lines = (await say('cost', 'churn')).split('\n');
    expect(lines[1]).toBe(
      'Of that training 0.00 EUR, 0 kWh; serving 0.0001 EUR, 0.0178 kWh, in 8 s of a core.',
    );
    expect(lines.slice(-3, -1)).toEqual([
      'version  predictions  EUR training  EUR serving  EUR per 1000  training  serving   kWh per 1000  gCO2e per 1000',
      'v1       0            0.00          0.0001       0.000025      -         0.000025  0.00445       0.178',
    ]);
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
    const { code, out, err } = await program.perennial(...args);
    expect(code).toBe(exit);
    expect(err).toContain(says);
    expect(out).toBe('');
  });
});
