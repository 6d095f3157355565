import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTrainingSupervision } from '../../activities/training/supervise.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { TrainingOutcome } from '../../contracts/training.js';
import type { Limits } from '../../db/money/budget.js';
import { setBudgetLimits } from '../../db/money/budget-limits.js';
import { listCheckpoints } from '../../db/training/checkpoint.js';
import { findAccount } from '../../db/money/ledger.js';
import { setPriceBook } from '../../db/money/price-book.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { trainingKey } from '../../training/key.js';
import { giveDelivery } from '../support/given-model.js';
import { temporaryFolder } from '../support/artifacts.js';
import { givenTraining, installation } from '../training/given.js';
import { openWorkplace } from '../training/workplace.js';
import { prices } from './prices.js';
import { trainingLogs } from '../training/recorded.js';

/** Milliseconds between two reckonings here; 1,000 of them cost 1,000 millionths. */
const every = 50;

const place = await openWorkplace();
const { fresh, artifacts, backend, attempts, open } = place;
beforeAll(() => setPriceBook(fresh.db, { content: prices, by: 'ann' }));
afterAll(() => place.close());

describe('A training that is paid for', () => {
  const given = (script: string) => givenTraining({ db: fresh.db, artifacts }, script);
  /** The next delivery of the same rows. */
  const deliverAgain = async (before: SuperviseTrainingInput) => {
    const delivery = before.delivery + 1;
    const key = trainingKey({ installation, model: before.model, delivery, attempt: 1 });
    const input = { ...before, delivery, key };
    await fresh.db.execute(
      sql`UPDATE delivery SET outcome = 'training-failed', closed_at = now() WHERE model = ${before.model} AND outcome IS NULL`,
    );
    await giveDelivery(fresh.db, input);
    for (const each of [before.delivery, delivery])
      await fresh.db.execute(sql`INSERT INTO validation (model, delivery, content, quarantined)
        VALUES (${before.model}, ${each}, ${JSON.stringify({ channels: before.channels })}, 0) ON CONFLICT DO NOTHING`);
    await attempts.openTrainingAttempt(input);
    return input;
  };
  const limit = (name: string, { soft = null, hard = null }: Partial<Limits>) =>
    setBudgetLimits(fresh.db, {
      name: { scope: 'model', name },
      limits: { soft, hard, period: 'total', currency: 'EUR' },
      by: 'ann',
      reason: '',
    });
  /** A worker of its own: it knows of the training what the database and the backend know. */
  const supervise = (input: SuperviseTrainingInput) => {
    const { superviseTraining } = createTrainingSupervision({
      db: fresh.db,
      artifacts,
      backend,
      log: silentLog,
      clock: systemClock,
      pollEvery: 20,
      meterEvery: every,
    });
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const result = environment.run<
      [SuperviseTrainingInput],
      TrainingOutcome,
      typeof superviseTraining
    >(superviseTraining, input);
    return { result, cancel: environment.cancel };
  };
  const untilCounted = async (key: string, least: number) => {
    while (((await findAccount(fresh.db, key))?.milliseconds ?? 0) < least)
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const untilKept = async (input: SuperviseTrainingInput) => {
    while ((await listCheckpoints(fresh.db, input)).length === 0)
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  /** To the millisecond, but for a look between a job's end and the writing of it, which may take a moment. */
  const expectCounted = (account: { milliseconds: number } | null, took: number) => {
    expect(account?.milliseconds).toBeGreaterThanOrEqual(took);
    expect(account?.milliseconds).toBeLessThan(took + 500);
  };
  const ownTime = async (key: string) => {
    const status = await backend.status(key);
    if (status.state !== 'exited') throw new Error(`${key} is ${status.state}`);
    return Date.parse(status.finishedAt) - Date.parse(status.startedAt);
  };

  it('has every millisecond of the job in the ledger once, across workers that come and go', async () => {
    const gate = join(await temporaryFolder(), 'gate');
    const input = await open(`obey say=begun step=1 await=${gate} exit=65`);
    const first = supervise(input);
    await untilCounted(input.key, 200);
    first.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await expect(first.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    const left = await findAccount(fresh.db, input.key);
    expect(left?.settledAt).toBeNull();
    // Two workers at once, as when one is taken for dead and is not.
    const [second, third] = [supervise(input), supervise(input)];
    await untilCounted(input.key, (left?.milliseconds ?? 0) + 200);
    await writeFile(gate, '');
    expect(await second.result).toMatchObject({ kind: 'failed', code: 65 });
    expect(await third.result).toMatchObject({ kind: 'failed', code: 65 });
    const took = await ownTime(input.key);
    const account = await findAccount(fresh.db, input.key);
    expect(account?.settledAt).not.toBeNull();
    expect(account?.reserved).toBe(0);
    expectCounted(account, took);
    expect(account?.spent).toBe(account?.milliseconds);
  });

  it('is stopped before its budget is overdrawn, with its checkpoint kept and the figures told', async () => {
    const gate = join(await temporaryFolder(), 'gate');
    const input = await open(`saved obey save=one:weights step=1 await=${gate} succeed`);
    const { result } = supervise(input);
    await untilCounted(input.key, 300);
    await untilKept(input);
    const spent = (await findAccount(fresh.db, input.key))?.spent ?? 0;
    // Twenty seconds of grace are held back: what is left for running is half a second.
    const hard = spent + 20_500;
    await limit(input.model, { hard });
    const outcome = await result;
    expect(outcome).toMatchObject({ kind: 'failed', error: 'BUDGET_EXCEEDED', code: 143 });
    if (outcome.kind === 'succeeded') return;
    expect(outcome.reason).toMatch(
      /^The training was stopped after \d s and 0\.\d+ EUR: the budget of model/,
    );
    expect(outcome.reason).toContain(`perennial budget extend model ${input.model} --by`);
    const account = await findAccount(fresh.db, input.key);
    expect(account?.spent).toBeLessThan(hard);
    // Not near the twenty seconds of its grace, however slowly a busy machine looks and stops.
    expect(account?.milliseconds).toBeLessThan(spent + 500 + 5 * every + 5_000);
    expectCounted(account, await ownTime(input.key));
    const { rows } = await fresh.db.execute(
      sql`SELECT name FROM checkpoint WHERE key = ${input.key}`,
    );
    expect(rows).toEqual([{ name: 'one' }]);

    // The money is there and the rows are the same: the next delivery goes on where this one was stopped.
    await limit(input.model, { hard: 1_000_000_000 });
    await writeFile(gate, '');
    const next = await deliverAgain(input);
    expect(await supervise(next).result).toMatchObject({ kind: 'succeeded' });
    const said = await trainingLogs(fresh.db, input.model, 2);
    expect(said.map(({ line }) => line)).toEqual(['one weights']);
    // A training that came to its end leaves nothing to go on with.
    const third = await deliverAgain(next);
    expect(await supervise(third).result).toMatchObject({ kind: 'succeeded' });
    expect(await trainingLogs(fresh.db, input.model, 3)).toEqual([]);
  });

  it('is not dispatched without money, and says what to do; a second run says the same', async () => {
    const input = await given('succeed');
    await limit(input.model, { hard: 1_000 });
    await attempts.openTrainingAttempt(input);
    const { rows } = await fresh.db.execute<{ outcome: TrainingOutcome }>(
      sql`SELECT outcome FROM training_run WHERE key = ${input.key}`,
    );
    await limit(input.model, { hard: 1_000_000_000 });
    await attempts.openTrainingAttempt(input);
    const outcome = await supervise(input).result;
    expect(outcome).toEqual(rows[0]?.outcome);
    expect(outcome).toMatchObject({ kind: 'failed', error: 'BUDGET_EXCEEDED' });
    expect(await backend.status(input.key)).toEqual({ state: 'gone' });
    expect(await findAccount(fresh.db, input.key)).toBeNull();
  });

  it('gives back what it held when its delivery is cancelled', async () => {
    const input = await open('obey step=1 say=ready forever');
    const { result, cancel } = supervise(input);
    await untilCounted(input.key, 100);
    cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
    const account = await findAccount(fresh.db, input.key);
    expect(account).toMatchObject({ reserved: 0 });
    expect(account?.settledAt).not.toBeNull();
    expectCounted(account, await ownTime(input.key));
  });
});
