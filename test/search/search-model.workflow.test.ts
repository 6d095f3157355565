import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listTrialEvents, trialsOf } from '../../db/training/trial.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { eventually } from '../workflows/world.js';
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
    const ran = (await readFile(join(asked.ledger, 'steps'), 'utf8')).trim().split('\n');
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
