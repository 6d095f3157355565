import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTrainingMeter } from '../../activities/training/meter.js';
import { createReservations } from '../../activities/training/money.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import { budgetsOver, listBudgets } from '../../db/money/budget.js';
import { extendBudgetLimits, setBudgetLimits } from '../../db/money/budget-limits.js';
import { findAccount, reserveMoney } from '../../db/money/ledger.js';
import { setPriceBook } from '../../db/money/price-book.js';
import { loadSpec } from '../../db/model/spec.js';
import { openTrainingRun } from '../../db/training/training.js';
import { rateOf } from '../../governance/price.js';
import { roomOf } from '../../contracts/budget.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { temporaryArtifacts } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { givenTraining } from '../training/given.js';
import { prices } from './prices.js';

const rate = rateOf(prices, { resources: undefined, replicas: 1 });

describe('The ledger', () => {
  let fresh: FreshDatabase;
  let artifacts: ArtifactStore;
  beforeAll(async () => {
    fresh = await freshDatabase();
    artifacts = await temporaryArtifacts();
    await setPriceBook(fresh.db, { content: prices, by: 'ann' });
  });
  afterAll(() => fresh.close());

  let now = Date.parse('2026-03-01T05:00:00Z');
  const clock = { now: () => new Date(now) };
  const meter = () => createTrainingMeter({ db: fresh.db, clock, every: 1_000, grace: 2_000 });

  const ran = (milliseconds: number, startedAt = '2026-03-01T05:00:00Z') => ({
    startedAt,
    ran: milliseconds,
  });

  const open = async (timeout = '100s'): Promise<SuperviseTrainingInput> => {
    const input = await givenTraining({ db: fresh.db, artifacts }, 'succeed', { timeout });
    await openTrainingRun(fresh.db, input, 'process');
    return input;
  };
  const reserve = async (input: SuperviseTrainingInput) =>
    createReservations({ db: fresh.db, ahead: 3_000 }).reserve(
      input,
      await loadSpec(fresh.db, input.specDigest),
    );
  const limit = (
    name: string,
    { soft = null, hard = null }: { soft?: number | null; hard?: number | null },
    scope: 'team' | 'model' = 'model',
  ) =>
    setBudgetLimits(fresh.db, {
      name: { scope, name },
      limits: { soft, hard, period: 'month', currency: 'EUR' },
      by: 'ann',
      reason: 'a test',
    });
  const events = async (subject: string) => {
    const { rows } = await fresh.db.execute<{ action: string }>(
      sql`SELECT action FROM audit_entry WHERE subject = ${subject} ORDER BY sequence`,
    );
    return rows.map(({ action }) => action);
  };

  it('lets two hundred racers reserve no more than the hard limit', async () => {
    const { model, specDigest } = await open();
    await fresh.db.execute(sql`
      INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage, outcome, closed_at)
      SELECT ${model}, n, 'deliver', gen_random_uuid(), 'manual', 'ann', ${specDigest}, 'train', 'failed', now() FROM generate_series(2, 201) n`);
    await fresh.db.execute(sql`
      INSERT INTO training_run (model, delivery, attempt, key, backend)
      SELECT ${model}, n, 1, 'racer-' || n, 'process' FROM generate_series(2, 201) n`);
    await limit(model, { hard: 1_000_000 });
    await limit('racers', { hard: 700_000 }, 'team');
    const race = async (_: unknown, index: number) => {
      // Each asks by its own amount, and some twice; the SQL guard alone is asked, for the decision looks at no standing.
      const amount = 10_000 + 1_000 * (index % 37);
      const payer = { team: index % 2 ? 'racers' : 'others', model, delivery: index + 2 };
      const asked = {
        key: `racer-${index + 2}`,
        payer,
        priceBook: 1,
        rate,
        limits: null,
        decide: () => ({ amount, basis: 'race' }),
      };
      const twice = index % 10 === 0 ? [asked, asked] : [asked];
      await Promise.all(twice.map((each) => reserveMoney(fresh.db, each)));
      return amount;
    };
    const ended = await Promise.allSettled(Array.from({ length: 200 }, race));
    const won = ended.filter((each) => each.status === 'fulfilled');
    expect(won.length).toBeGreaterThan(10);
    expect(won.length).toBeLessThan(200);
    const budgets = await listBudgets(fresh.db);
    for (const budget of budgets) expect(budget.reserved).toBeLessThanOrEqual(budget.hard ?? 0);
    const ofModel = budgets.find(({ name }) => name === model);
    expect(ofModel?.reserved).toBe(won.reduce((sum, { value }) => sum + value, 0));
    // Nobody was refused who had room: the least of the amounts no longer fits one of the two.
    expect(Math.min(...budgets.map(roomOf))).toBeLessThan(46_000);
    const { rows } = await fresh.db.execute(
      sql`SELECT key FROM ledger WHERE key LIKE 'racer-%' GROUP BY key HAVING count(*) > 1`,
    );
    expect(rows).toEqual([]);
  });

  it('counts the job’s own clock once, whoever reckons and however often', async () => {
    const input = await open();
    expect(await reserve(input)).toBeNull();
    expect(await reserve(input)).toBeNull();
    expect(await findAccount(fresh.db, input.key)).toMatchObject({ reserved: 100_000, spent: 0 });
    // Supervisors that know nothing of each other, at once and again, and one whose clock stands behind.
    await Promise.all([1, 2, 3, 4].map(() => meter().charge(input.key, ran(5_000))));
    for (const elapsed of [5_000, 4_000, 9_500]) await meter().charge(input.key, ran(elapsed));
    expect(await findAccount(fresh.db, input.key)).toMatchObject({
      milliseconds: 9_500,
      spent: 9_500,
      reserved: 90_500,
      millijoules: 16.5 * 9_500,
    });
    await meter().settle(input.key, ran(10_250));
    await meter().settle(input.key, ran(10_250));
    await meter().charge(input.key, ran(60_000));
    const account = await findAccount(fresh.db, input.key);
    expect(account).toMatchObject({ milliseconds: 10_250, spent: 10_250, reserved: 0 });
    expect(account?.settledAt).not.toBeNull();
    const { rows } = await fresh.db.execute(
      sql`SELECT kind, sum(amount)::int AS amount, sum(milliseconds)::int AS ms FROM ledger WHERE key = ${input.key} GROUP BY kind ORDER BY kind`,
    );
    expect(rows).toEqual([
      { kind: 'reservation', amount: 100_000, ms: 0 },
      { kind: 'settlement', amount: 89_750, ms: 0 },
      { kind: 'usage', amount: 10_250, ms: 10_250 },
    ]);
  });

  it('counts a second life of a lost job beside the first', async () => {
    const input = await open();
    await reserve(input);
    await meter().charge(input.key, ran(9_000));
    // Its clock begins anew; so does the next one's who looks on, with what the ledger has.
    const second = new Date().toISOString();
    const metering = meter();
    await metering.charge(input.key, ran(4_000, second));
    now += 10_000;
    await metering.charge(input.key, ran(11_000, second));
    await meter().settle(input.key, ran(12_000, second));
    expect(await findAccount(fresh.db, input.key)).toMatchObject({ milliseconds: 21_000 });
  });

  it('tells once of a soft limit, and stops before a hard one is passed', async () => {
    const input = await open();
    const { model, key } = input;
    await limit(model, { soft: 4_000, hard: 10_000 });
    expect(await reserve(input)).toBeNull();
    // Only the timeout was known: what there is was held.
    expect(await findAccount(fresh.db, key)).toMatchObject({ reserved: 10_000 });
    const metering = meter();
    let stopped: string | null = null;
    let elapsed = 0;
    while (stopped === null && elapsed < 60_000) {
      now += 1_000;
      elapsed += 1_000;
      stopped = await metering.charge(key, ran(elapsed));
    }
    // The next reckoning and the grace are held back: the checkpoint is paid for.
    expect(elapsed).toBe(8_000);
    expect(stopped).toContain('stopped after 8 s and 0.008 EUR');
    expect(stopped).toContain(`perennial budget extend model ${model} --by`);
    await metering.settle(key, ran(elapsed + 2_000));
    const payer = { team: 'tests', model, delivery: 1 };
    expect(await budgetsOver(fresh.db, payer)).toMatchObject([{ spent: 10_000, hard: 10_000 }]);
    expect(await events(model)).toEqual(['spec.applied', 'budget.set', 'budget.soft-limit-passed']);
    const { rows } = await fresh.db.execute(
      sql`SELECT type FROM outbox WHERE subject = ${model} ORDER BY type`,
    );
    expect(rows).toEqual([{ type: 'budget.exceeded' }, { type: 'budget.soft-limit-passed' }]);

    const next = { ...input, attempt: 2, key: key.replace(/1$/, '2') };
    await openTrainingRun(fresh.db, next, 'process');
    expect(await reserve(next)).toContain('needs 0.003 EUR to start');
    expect(await findAccount(fresh.db, next.key)).toBeNull();
    const extended = { scope: 'model' as const, name: model };
    const extension = { id: 'a', name: extended, amount: 5_000, by: 'bo', reason: 'go' };
    await extendBudgetLimits(fresh.db, extension);
    expect(await reserve(next)).toBeNull();
    expect(await budgetsOver(fresh.db, payer)).toMatchObject([{ soft: 9_000, hard: 15_000 }]);
  });

  it('tells of a soft limit, too, that is passed between the last reckoning and the end', async () => {
    const input = await open();
    await limit(input.model, { soft: 500 });
    await reserve(input);
    await meter().settle(input.key, ran(1_000));
    expect(await events(input.model)).toContain('budget.soft-limit-passed');
  });

  it('tells of a soft limit once a period: every month, or once for all time', async () => {
    const told = async (period: 'month' | 'total') => {
      const input = await open();
      const name = { scope: 'model', name: input.model } as const;
      const limits = { soft: 500, hard: null, period, currency: 'EUR' };
      await setBudgetLimits(fresh.db, { name, limits, by: 'ann', reason: '' });
      await reserve(input);
      await meter().charge(input.key, ran(1_000));
      // As if that had been in an earlier month.
      await fresh.db.execute(
        sql`UPDATE budget_notice SET month = '2026-02-01' WHERE name = ${input.model} AND month > '1970-01-01'`,
      );
      await meter().settle(input.key, ran(2_000));
      return (await events(input.model)).filter((action) => action.includes('soft')).length;
    };
    expect([await told('month'), await told('total')]).toEqual([2, 1]);
  });

  it('stops a training whose budget a person has lowered', async () => {
    const input = await open();
    await limit(input.model, { hard: 1_000_000 });
    await reserve(input);
    expect(await meter().charge(input.key, ran(1_000))).toBeNull();
    await limit(input.model, { hard: 2_000 });
    expect(await meter().charge(input.key, ran(2_000))).toContain(
      'has 0.002 EUR of 0.002 EUR spent',
    );
  });

  it('holds more as it goes where the last training was shorter', async () => {
    const input = await open();
    await limit(input.model, { hard: 40_000 });
    await fresh.db.execute(
      sql`UPDATE training_run SET outcome = '{"kind": "succeeded", "seconds": 10}', ended_at = now() WHERE key = ${input.key}`,
    );
    const next = { ...input, attempt: 2, key: input.key.replace(/1$/, '2') };
    await openTrainingRun(fresh.db, next, 'process');
    await reserve(next);
    expect(await findAccount(fresh.db, next.key)).toMatchObject({ reserved: 15_000 });
    const metering = meter();
    for (let elapsed = 1_000; elapsed <= 37_000; elapsed += 1_000) {
      now += 1_000;
      expect(await metering.charge(next.key, ran(elapsed))).toBeNull();
    }
    now += 1_000;
    expect(await metering.charge(next.key, ran(38_000))).toContain('stopped after 38 s');
  });

  it('releases what an ended delivery still held, when somebody asks for money', async () => {
    const input = await open();
    await reserve(input);
    await fresh.db.execute(
      sql`UPDATE delivery SET outcome = 'failed', closed_at = now() - interval '1 hour' WHERE model = ${input.model}`,
    );
    await reserve(await open());
    expect((await findAccount(fresh.db, input.key))?.settledAt).not.toBeNull();
  });

  it('keeps its rows as they are, and counts in one currency', async () => {
    await expect(fresh.pool.query(`DELETE FROM ledger`)).rejects.toThrow('never changed');
    await expect(fresh.pool.query(`UPDATE price_book SET number = 9`)).rejects.toThrow('never');
    const dollars = { ...prices, currency: 'USD' };
    await expect(setPriceBook(fresh.db, { content: dollars, by: 'ann' })).rejects.toMatchObject({
      code: 'CURRENCY_DIFFERS',
    });
    await expect(
      fresh.pool.query(`INSERT INTO budget VALUES ('team', 'x', 'month', 'USD', NULL, 1)`),
    ).rejects.toThrow('another currency');
    await expect(
      fresh.pool.query(`INSERT INTO budget VALUES ('team', 'x', 'month', 'EUR', NULL, -1)`),
    ).rejects.toThrow('check constraint');
    expect(await setPriceBook(fresh.db, { content: prices, by: 'bo' })).toMatchObject({
      number: 1,
      created: false,
    });
  });
});
