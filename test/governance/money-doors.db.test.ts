import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { createApi } from '../../api/app.js';
import { createApiMetrics } from '../../api/metrics.js';
import { createPerennial, type Perennial } from '../../client/index.js';
import type { SetBudget } from '../../contracts/budget.js';
import { readPriceFile } from '../../client/price-file.js';
import { createTrainingMeter } from '../../activities/training/meter.js';
import { createReservations } from '../../activities/training/money.js';
import { loadSpec } from '../../db/model/spec.js';
import type { AskForMoneyInput, MoneyStanding } from '../../contracts/money-wait.js';
import { openTrainingRun, recordOutcome } from '../../db/training/training.js';
import { silentLog } from '../../runtime/log.js';
import { applicationOf, rememberVersion } from '../api/remembered.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { givenTraining } from '../training/given.js';
import { prices } from './prices.js';

let database: FreshDatabase;
let connection: Connection;
let api: ReturnType<typeof createApi>;
let perennial: Perennial;
let metrics: ReturnType<typeof createApiMetrics>;

const ran = (milliseconds: number) => ({ startedAt: '2026-03-01T10:00:00Z', ran: milliseconds });

beforeAll(async () => {
  database = await freshDatabase();
  connection = Connection.lazy({ address: '127.0.0.1:1' });
  const { db } = database;
  metrics = createApiMetrics({ db, log: silentLog });
  const engine = { client: new Client({ connection }), patience: 500 };
  api = createApi({ db, engine, log: silentLog });
  const fetch: typeof globalThis.fetch = async (input, init) => api.request(input, init);
  perennial = createPerennial({ url: 'http://perennial.test', fetch });
});
afterAll(async () => {
  await connection.close();
  await database.close();
});

describe('Without a price book', () => {
  it('costs are told as none, and no training is held back', async () => {
    const { digest } = await perennial.apply(applicationOf('free'));
    expect(await perennial.cost('free')).toMatchObject({ currency: null, deliveries: [] });
    expect(await perennial.showPrices()).toBeNull();
    const clock = { now: () => new Date() };
    const meter = createTrainingMeter({ db: database.db, clock, every: 1, grace: 1 });
    const attempt = { model: 'free', delivery: 1, attempt: 1, key: 'perennial-0123456789ab-1' };
    const { reserve } = createReservations({ db: database.db, ahead: 2 });
    expect(await reserve(attempt, await loadSpec(database.db, digest))).toBeNull();
    expect(await meter.charge(attempt.key, ran(1_000))).toBeNull();
    await meter.settle(attempt.key, ran(2_000));
    expect(await metrics.collect()).not.toContain('perennial_training_cost_total');
  });

  it('no budget is set', async () => {
    const asked = { scope: 'team', name: 'x', currency: 'EUR', hard: 1, by: 'ada' } as const;
    await expect(perennial.setBudget(asked)).rejects.toMatchObject({ code: 'PRICES_MISSING' });
  });
});

describe('With prices', () => {
  beforeAll(async () => {
    await perennial.setPrices({ prices, by: 'ada' });
  });

  it('the same prices again change nothing, others make the next book', async () => {
    expect(await perennial.setPrices({ prices, by: 'bo' })).toMatchObject({
      number: 1,
      setBy: 'ada',
      created: false,
    });
    const dearer = { ...prices, perHour: { ...prices.perHour, cpu: '7.2' } };
    expect(await perennial.setPrices({ prices: dearer, by: 'bo' })).toMatchObject({ number: 2 });
    expect(await perennial.setPrices({ prices, by: 'ada' })).toMatchObject({ number: 3 });
    const audit = await perennial.audit({ subject: 'prices' });
    expect(audit.map(({ actor }) => actor)).toEqual(['ada', 'bo', 'ada']);
  });

  it.each([
    ['a negative price', { ...prices, perHour: { cpu: -1, memoryGiB: 0 } }, 'PRICE_BOOK_INVALID'],
    ['a currency that nobody has', { ...prices, currency: 'ABC' }, 'PRICE_BOOK_INVALID'],
    ['another currency', { ...prices, currency: 'USD' }, 'CURRENCY_DIFFERS'],
    ['a text', 'cheap', 'PRICE_BOOK_INVALID'],
  ])('%s is refused and changes nothing', async (_, wrong, code) => {
    await expect(perennial.setPrices({ prices: wrong, by: 'ada' })).rejects.toMatchObject({ code });
    expect(await perennial.showPrices()).toMatchObject({ number: 3 });
  });

  it.each<[string, Partial<SetBudget>, string]>([
    ['a negative limit', { hard: '-1' }, 'INPUT_INVALID'],
    ['no limit at all', {}, 'INPUT_INVALID'],
    ['a soft limit above the hard one', { soft: 2, hard: 1 }, 'INPUT_INVALID'],
    ['a currency that nobody has', { hard: 1, currency: 'euro' }, 'INPUT_INVALID'],
    ['another currency', { hard: 1, currency: 'USD' }, 'CURRENCY_DIFFERS'],
    ['a model that can be none', { hard: 1, scope: 'model', name: 'No Model' }, 'INPUT_INVALID'],
    ['a delivery without number', { hard: 1, scope: 'delivery', name: 'x' }, 'INPUT_INVALID'],
  ])('a budget with %s is refused and changes nothing', async (_, wrong, code) => {
    const asked = { scope: 'team', name: 'x', currency: 'EUR', by: 'ada', ...wrong } as SetBudget;
    await expect(perennial.setBudget(asked)).rejects.toMatchObject({ code });
    expect(await perennial.listBudgets()).toEqual([]);
  });

  it('a body that is not JSON is refused', async () => {
    const plain = { method: 'PUT', body: '{}', headers: { 'content-type': 'text/plain' } };
    const answer = await api.request('/api/v1/budgets', plain);
    expect(await answer.json()).toMatchObject({ code: 'NOT_JSON' });
  });

  it.each([
    ['a negative budget', { currency: 'EUR', delivery: { hard: -5 } }, 'SPEC_INVALID'],
    ['a currency that nobody has', { currency: 'XX', delivery: { hard: 5 } }, 'SPEC_INVALID'],
    ['another currency', { currency: 'USD', delivery: { hard: 5 } }, 'CURRENCY_DIFFERS'],
  ])('a spec with %s is refused', async (_, budget, code) => {
    const application = applicationOf('refused');
    const asked = { ...application, spec: { ...application.spec, budget } };
    await expect(perennial.apply(asked)).rejects.toMatchObject({ code });
  });

  it('a budget is set, extended and listed, and the audit chain tells by whom', async () => {
    const asked = { scope: 'team', name: 'growth', currency: 'EUR', by: 'ada' } as const;
    await perennial.setBudget({ ...asked, soft: '8', hard: '10', reason: 'a quarter' });
    const more = { scope: 'team', name: 'growth', amount: '2.5', by: 'bo' } as const;
    expect(await perennial.extendBudget(more)).toMatchObject({ soft: 10.5e6, hard: 12.5e6 });
    expect(await perennial.listBudgets()).toMatchObject([
      { scope: 'team', name: 'growth', period: 'month', spent: 0, reserved: 0, hard: 12.5e6 },
    ]);
    const audit = await perennial.audit({ subject: 'team growth' });
    expect(audit.map(({ action, actor }) => [action, actor])).toEqual([
      ['budget.set', 'ada'],
      ['budget.extended', 'bo'],
    ]);
    const nobody = { scope: 'model', name: 'nobody', amount: '1', by: 'bo' } as const;
    await expect(perennial.extendBudget(nobody)).rejects.toMatchObject({
      code: 'BUDGET_NOT_FOUND',
    });
  });

  it('what is left out of a budget that is there stays as it is, and the answer tells what it was before', async () => {
    const asked = { scope: 'team', name: 'kept', currency: 'EUR', by: 'ada' } as const;
    const set = (limits: Partial<SetBudget>) => perennial.setBudget({ ...asked, ...limits });
    const first = { period: 'total', soft: 4e6, hard: 5e6 };
    expect(await set({ soft: 4, hard: 5, period: 'total' })).toMatchObject({
      ...first,
      before: null,
    });
    const second = { ...first, hard: 6e6 };
    expect(await set({ hard: 6 })).toMatchObject({ ...second, before: first });
    const third = { ...second, period: 'month' };
    expect(await set({ period: 'month' })).toMatchObject({ ...third, before: second });
    const last = { ...third, soft: null };
    expect(await set({ soft: null })).toMatchObject({ ...last, before: third });
    const more = { scope: 'team', name: 'kept', amount: 1, by: 'bo' } as const;
    expect(await perennial.extendBudget(more)).toMatchObject({ hard: 7e6, before: last });
    for (const wrong of [{ soft: 8 }, { hard: null }])
      await expect(set(wrong)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const fresh = set({ name: 'without', period: 'total' });
    await expect(fresh).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it('an extension sent twice with one id counts once; its id is taken by no other', async () => {
    await perennial.setBudget({ scope: 'team', name: 'once', currency: 'EUR', hard: 1, by: 'ada' });
    const more = { scope: 'team', name: 'once', amount: '2', by: 'bo', idempotencyKey: 'x-1' };
    const asked = { ...more, scope: 'team' as const };
    const answers = await Promise.all([1, 2, 3].map(() => perennial.extendBudget(asked)));
    expect(answers.map(({ hard }) => hard)).toEqual([3e6, 3e6, 3e6]);
    for (const wrong of [{ amount: '3' }, { by: 'ada' }, { name: 'growth' }])
      await expect(perennial.extendBudget({ ...asked, ...wrong })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: "Another extension has the id 'x-1': give each its own.",
      });
    const audit = await perennial.audit({ subject: 'team once' });
    expect(audit.map(({ action }) => action)).toEqual(['budget.set', 'budget.extended']);
  });

  it.each([
    ['a negative amount', { amount: '-1' }],
    ['nothing', { amount: 0 }],
    ['an amount in words', { amount: 'some' }],
    ['an id that is none', { idempotencyKey: 'a b' }],
  ])('an extension by %s is refused and changes nothing', async (_, wrong) => {
    const before = await perennial.listBudgets();
    const asked = { scope: 'team', name: 'once', amount: 1, by: 'bo', ...wrong } as const;
    const refused = perennial.extendBudget(asked);
    await expect(refused).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(await perennial.listBudgets()).toEqual(before);
  });

  it('a limit that could not be counted any more is refused', async () => {
    const most = '999999999.999999';
    const named = { scope: 'team', name: 'rich' } as const;
    await perennial.setBudget({ ...named, currency: 'EUR', hard: most, by: 'ada' });
    const raise = () => perennial.extendBudget({ ...named, amount: most, by: 'ada' });
    for (let time = 0; time < 8; time += 1) await raise();
    await expect(raise()).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(await perennial.listBudgets()).toHaveLength(4);
  });

  it('costs are told by delivery, by version and for each thousand predictions', async () => {
    const { db } = database;
    const { digest: specDigest } = await perennial.apply(applicationOf('flights'));
    await rememberVersion(db, { model: 'flights', version: 1, specDigest });
    const key = 'perennial-abcdefabcdef-1';
    const attempt = { model: 'flights', delivery: 1, attempt: 1, key };
    await openTrainingRun(db, attempt, 'process');
    let now = Date.parse('2026-03-01T10:00:00Z');
    const clock = { now: () => new Date(now) };
    const meter = createTrainingMeter({ db, clock, every: 1_000, grace: 1_000 });
    await createReservations({ db, ahead: 2_000 }).reserve(attempt, await loadSpec(db, specDigest));
    now += 10_000;
    await meter.charge(key, ran(10_000));
    await db.execute(sql`INSERT INTO window_count (model, version, role, revision, window_start, gateway, epoch, counts)
      VALUES ('flights', 1, 'champion', 1, now(), 'g', 1, '{"requests": 4000}')`);
    await db.execute(sql`INSERT INTO serving_usage (model, version, month, price_book, gateway, epoch, predictions, processor_us, mebibyte_ms, amount, millijoules, micrograms)
      VALUES ('flights', 1, '2026-02-01', 1, 'g', 1, 500, 1500000, 3686400, 1000, 18000000, 500000),
        ('flights', 1, '2026-03-01', 3, 'g', 2, 1500, 4500000, 0, 5000, 54000000, 1500000)`);
    const running = await perennial.cost('flights');
    expect(running.reserved).toBeGreaterThan(0);
    await meter.settle(key, ran(20_000));
    const energyKwh = (16.5 * 20_000) / 3.6e9;
    const used = { amount: 20_000, seconds: 20, energyKwh, carbonGrams: energyKwh * 100 };
    const near = Object.fromEntries(
      Object.entries(used).map(([name, value]) => [name, expect.closeTo(value, 5) as number]),
    );
    expect(await perennial.cost('flights')).toMatchObject({
      currency: 'EUR',
      energyFrom: 'price-book',
      total: { amount: 26_000 },
      training: near,
      serving: { amount: 6_000, energyKwh: 0.02, processorSeconds: 6, predictions: 2_000 },
      reserved: 0,
      deliveries: [{ delivery: 1, version: 1, attempts: 1, ...near }],
      versions: [
        {
          version: 1,
          predictions: 4_000,
          total: { amount: 26_000, perThousand: { amount: 8_000 } },
          training: { amount: 20_000, perThousand: { amount: 5_000 } },
          serving: { carbonGrams: 2, memoryGibHours: 0.001, perThousand: { amount: 3_000 } },
        },
      ],
    });
    expect((await perennial.lineage('flights', 1)).priceBook).toMatchObject({ number: 3 });
    const told = await metrics.collect();
    expect(told).toMatch(/perennial_training_cost_total\{.*model="flights",currency="EUR"\} 0.02/);
    expect(told).toMatch(/serving_cost_total\{.*model="flights",version="1",.*\} 0.006/);
    expect(told).toMatch(/serving_predictions_total\{.*model="flights",version="1".*\} 2000/);
    expect(told).toContain('perennial_budget_spent_ratio{name="growth",scope="team"} 0');

    // Where the GPUs tell their own energy, it stands in for the price book's watts.
    for (const [second, watts] of [
      [0, 100],
      [10, 100],
      [20, 100],
    ])
      await db.execute(sql`INSERT INTO gpu_sample (key, device, at, name, watts)
        VALUES (${key}, 'gpu0', timestamptz '2026-03-01 10:00:00Z' + make_interval(secs => ${second}), 'A10', ${watts})`);
    const measured = await perennial.cost('flights');
    expect(measured.energyFrom).toBe('measured');
    expect(measured.training.energyKwh).toBeCloseTo(energyKwh + (2_000 * 1.5) / 3.6e6, 9);
  });
});

describe('A training that waits for money', () => {
  let input: AskForMoneyInput;
  let ask: () => Promise<MoneyStanding>;
  let named: { scope: 'model'; name: string };
  beforeAll(async () => {
    const { db } = database;
    const artifacts = await temporaryArtifacts();
    const given = await givenTraining({ db, artifacts }, 'succeed', { timeout: '100s' });
    input = { ...given, until: new Date(Date.now() + 60_000).toISOString() };
    named = { scope: 'model', name: input.model };
    await openTrainingRun(db, input, 'process');
    const hard = { ...named, hard: '0.000001', currency: 'EUR', by: 'ada' };
    await perennial.setBudget(hard);
    const { askForMoney } = createReservations({ db, ahead: 2_000 });
    ask = () => askForMoney(input);
  });
  const told = async () => {
    const { rows } = await database.db.execute(
      sql`SELECT type FROM outbox WHERE subject = ${`${input.model}/1`}`,
    );
    return rows;
  };

  it('is one that money stopped, and no other', async () => {
    await expect(ask()).rejects.toMatchObject({ cause: { code: '23514' } });
    expect(await told()).toEqual([]);
    const reason = 'The training needs more to start.';
    await recordOutcome(database.db, input, {
      kind: 'failed',
      error: 'BUDGET_EXCEEDED',
      code: 75,
      reason,
    });
    expect(await ask()).toMatchObject({
      covered: false,
      budget: `model ${input.model} (month)`,
      needs: '0.002 EUR',
      missing: '0.001999 EUR',
      serves: '0.11 EUR runs it to its likely end',
      extend: `perennial budget extend model ${input.model} --by 0.11`,
    });
    expect(await ask()).toMatchObject({ covered: false });
    expect(await told()).toEqual([{ type: 'budget.awaited' }]);
    await expect(
      database.db.execute(sql`UPDATE money_wait SET needs = 0 WHERE key = ${input.key}`),
    ).rejects.toMatchObject({ cause: { code: '23001' } });
  });

  it('is shown with the line that pays for it', async () => {
    const extend = `perennial budget extend model ${input.model} --by 0.11`;
    const { money } = await perennial.showDelivery(input.model, 1);
    expect(money).toMatchObject({
      attempt: 1,
      needs: 2_000,
      missing: 1_999,
      raise: { by: 110_000, reach: 'end' },
      extend,
      budget: named,
    });
    expect(await perennial.listAwaitedMoney()).toEqual([money]);
    const waiting = `perennial_money_waiting_seconds{model="${input.model}"}`;
    expect(await metrics.collect()).toContain(waiting);
  });

  it('goes on when somebody raises the budget, though nobody could tell it; then nothing waits', async () => {
    const none = await perennial.extendBudget({ ...named, amount: '0.000001', by: 'bo' });
    expect(none).toMatchObject({ resumed: [], waiting: [{ model: input.model, missing: 1_998 }] });
    const all = await perennial.extendBudget({ ...named, amount: '1', by: 'bo' });
    expect(all).toMatchObject({ resumed: [{ model: input.model, delivery: 1 }], waiting: [] });
    expect(await ask()).toEqual({ covered: true });
    const audit = await perennial.audit({ subject: `${input.model}/1` });
    expect(audit.map(({ action, actor }) => [action, actor])).toEqual([
      ['training.opened', 'perennial'],
      ['training.failed', 'perennial'],
      ['budget.awaited', 'perennial'],
      ['training.money-raised', 'bo'],
      ['training.money-raised', 'bo'],
    ]);
    const next = { ...input, attempt: 2, key: input.key.replace(/1$/, '2') };
    await openTrainingRun(database.db, next, 'process');
    expect(await perennial.listAwaitedMoney()).toEqual([]);
    expect((await perennial.showDelivery(input.model, 1)).money).toBeUndefined();
  });
});

describe('A price file', () => {
  it('is read as it is set, whatever form its numbers have', async () => {
    const path = join(await temporaryFolder(), 'prices.yaml');
    await writeFile(path, stringify(prices));
    expect(await readPriceFile(path)).toEqual(prices);
  });

  it('tells each mistake with its line', async () => {
    const path = join(await temporaryFolder(), 'prices.yaml');
    const wrong = { ...prices, perHour: { cpu: -1, memoryGiB: 0, gpu: 1 }, region: 'mars' };
    await writeFile(path, stringify(wrong));
    await expect(readPriceFile(path)).rejects.toMatchObject({
      code: 'PRICE_BOOK_INVALID',
      message: expect.stringMatching(
        /prices\.yaml:3:8 perHour\.cpu: an amount[\s\S]*prices\.yaml:5:3 perHour\.gpu: there is no key 'gpu' here; did you mean/,
      ) as string,
    });
  });
});
