import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tellBudgetExtended } from '../../client/temporal.js';
import { queries } from '../../contracts/messages.js';
import type { LackingMoney } from '../../contracts/money-wait.js';
import { setBudgetLimits } from '../../db/money/budget-limits.js';
import { listAwaitedMoney } from '../../db/money/money-wait.js';
import { setPriceBook } from '../../db/money/price-book.js';
import { readTrainingCost } from '../../db/money/training-cost.js';
import { readSearchView } from '../../db/training/search-view.js';
import { listTrialEvents, trialsOf } from '../../db/training/trial.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { prices } from '../governance/prices.js';
import { eventually } from '../workflows/world.js';
import type { GivenSearch } from './given.js';
import { openSearchWorld, type SearchWorld } from './world.js';

describe('searchModel with real trainers and Optuna', () => {
  let world: SearchWorld;

  beforeAll(async () => {
    world = await openSearchWorld(createProcessBackend);
  });
  afterAll(() => world.close());

  test('seven trials, two at a time: one lags and is pruned, one is killed and goes on, one fails, the best is chosen', async () => {
    const { db, backend, given, start } = world;
    const asked = await given('0.5: 0.6: 0.7: 9:lags 0.4:killed 1:fails 0.3:', {
      stopEarly: 'median',
    });
    const handle = await start(asked, { trials: 7, parallel: 2 });
    const result: unknown = await handle.result();
    const trials = trialsOf(await listTrialEvents(db, asked.key));
    const best = trials.find(({ chosen }) => chosen);
    expect(result).toMatchObject({
      kind: 'succeeded',
      model: { sha256: best?.artifact },
      trial: { number: best?.trial, parameters: best?.parameters },
    });
    expect(trials).toHaveLength(7);
    const complete = trials.filter(({ state }) => state === 'complete');
    const values = complete.map(({ value }) => value ?? NaN);
    expect(values.toSorted()).toEqual([0.55, 0.65, 0.75, 0.85, 0.95]);
    expect(best?.value).toBe(0.55);
    expect(new Set(trials.map(({ parameters }) => parameters.rate)).size).toBe(7);

    const pruned = trials.filter(({ state }) => state === 'pruned');
    expect(pruned).toMatchObject([{ artifact: null, judgement: { rule: 'median' } }]);
    const { step, value, bar, others = [] } = pruned[0]?.judgement ?? {};
    expect(others.length).toBeGreaterThanOrEqual(3);
    expect(value).toBeGreaterThan(bar ?? Infinity);
    expect(step).toBeLessThan(600);
    expect(trials.filter(({ state }) => state === 'failed')).toMatchObject([
      { attempts: 1, reason: 'The rows do not suit these parameters.' },
    ]);
    const killed = trials.filter(({ attempts }) => attempts === 2);
    expect(killed).toMatchObject([{ state: 'complete', value: 0.65 }]);

    // Its checkpoint of step 2 was kept: of the killed one, as of all others, every step ran once.
    const ran = await ranSteps(asked);
    expect(new Set(ran).size).toBe(ran.length);
    for (const { key } of await backend.list())
      expect(await backend.status(key)).toMatchObject({ state: 'exited' });
    // A run's history stays small: the search has gone on as new.
    const runs = await runsOf(handle.workflowId);
    expect(runs.length).toBeGreaterThan(1);
    expect(Math.max(...runs)).toBeLessThanOrEqual(100);
  });

  test('a cancelled search stops its trainers before it ends', async () => {
    const { db, backend, given, start } = world;
    const asked = await given('1:lags 1:lags');
    const handle = await start(asked, { trials: 2, parallel: 2 });
    const jobs = async () =>
      (await backend.list()).filter(({ model }) => model === asked.key.model);
    await eventually('two trainers', async () => {
      const { rows } = await db.execute(
        sql`SELECT DISTINCT key FROM metric JOIN training_run USING (key) WHERE model = ${asked.key.model}`,
      );
      return rows.length === 2;
    });
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
    for (const { status } of await jobs()) expect(status).toMatchObject({ state: 'exited' });
    expect((await handle.describe()).status.name).toBe('CANCELLED');
    const trials = trialsOf(await listTrialEvents(db, asked.key));
    const stopped = { state: 'failed', reason: 'It was stopped with its search.' };
    expect(trials).toMatchObject([stopped, stopped]);
  });

  test('money that runs out: without a good trial it waits and goes on where it was, with one it ends with the best', async () => {
    const { db, given, start, temporal } = world;
    await setPriceBook(db, { content: prices, by: 'ann' });
    const asked = await given('0.5:slow 0.6:slow 0.7:slow 0.8:slow');
    const { model } = asked.key;
    const limit = (hard: number) =>
      setBudgetLimits(db, {
        name: { scope: 'model', name: model },
        limits: { soft: null, hard, period: 'total', currency: 'EUR' },
        by: 'ann',
        reason: '',
      });
    /** Twenty seconds of grace are held back: what is left is half a second. */
    const limitDuring = async (turn: number) => {
      await eventually(`turn ${turn}`, async () => (await ranSteps(asked)).includes(`${turn} 2`));
      await limit(((await readTrainingCost(db, model)).deliveries[0]?.used.amount ?? 0) + 20_500);
    };
    const handle = await start(asked, { trials: 4, parallel: 1 });
    await limitDuring(0);
    await eventually('the wait', async () => {
      const { money } = await handle.query<{ money?: LackingMoney | null }>(queries.state);
      return money?.budget === `model ${model} (total)`;
    });
    const awaited = () => listAwaitedMoney(db, { scope: 'model', name: model });
    expect(await awaited()).toMatchObject([{ model, delivery: 1, attempt: 1 }]);
    expect(trialsOf(await listTrialEvents(db, asked.key))).toMatchObject([{ state: 'asked' }]);

    await limit(1e9);
    await tellBudgetExtended(temporal.client, model, 1, { by: 'bo' });
    await limitDuring(1);
    expect(await handle.result()).toMatchObject({
      kind: 'succeeded',
      trial: { number: 1 },
      note: expect.stringMatching(/^Money ended the search after \d of 4 trials/) as string,
    });
    const { endedByMoney, trials } = await readSearchView(db, model, 1);
    expect(endedByMoney).toBe(true);
    expect(trials[0]).toMatchObject({ state: 'complete', chosen: true, attempts: 2 });
    expect(trials.at(-1)).toMatchObject({ state: 'failed' });
    expect(await awaited()).toEqual([]);
    const ran = await ranSteps(asked);
    expect(new Set(ran).size).toBe(ran.length);
  });

  /** What its trainers really did, by turn and step. */
  async function ranSteps({ ledger }: GivenSearch): Promise<string[]> {
    const steps = await readFile(join(ledger, 'steps'), 'utf8').catch(() => '');
    return steps.split('\n').filter(Boolean);
  }

  /** Events of each run of a chain. */
  async function runsOf(id: string): Promise<number[]> {
    const lengths: number[] = [];
    const runs = new Set<string>();
    for await (const { workflowId: found, runId } of world.temporal.client.workflow.list({
      query: `WorkflowId = '${id}'`,
    })) {
      if (found !== id || runs.has(runId)) continue;
      runs.add(runId);
      const { events } = await world.temporal.client.workflow.getHandle(id, runId).fetchHistory();
      lengths.push(events?.length ?? 0);
    }
    return lengths;
  }
});
