import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSearchRecords, createTrialSuggestions } from '../../activities/training/search.js';
import type {
  AskedTrial,
  AskTrialInput,
  SearchKey,
  TrainModelResult,
} from '../../contracts/stages.js';
import type { TrainingOutcome } from '../../contracts/training.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { readSearchView } from '../../db/training/search-view.js';
import { readLogPage } from '../../db/training/log-view.js';
import { readTrainingView } from '../../db/training/view.js';
import {
  openTrainingRun,
  recordLog,
  recordMetrics,
  recordOutcome,
} from '../../db/training/training.js';
import { listTrialEvents, recordAsked, recordJudged, trialsOf } from '../../db/training/trial.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { trainingKey } from '../../training/key.js';
import { createSuggest, type Study } from '../../training/suggest.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { trainerPython } from '../support/trainer.js';
import { givenSearch } from './given.js';

const quiet = new DefaultLogger('ERROR');
const failed = (reason: string, error: 'TRAINING_FAILED' | 'TRIAL_PRUNED' | 'BUDGET_EXCEEDED') =>
  ({ kind: 'failed', error, code: 1, reason }) as const;

describe('the record of a search', () => {
  let fresh: FreshDatabase;
  let artifacts: ArtifactStore;
  let folder: string;
  let studies: Study[];
  let suggestions: ReturnType<typeof createTrialSuggestions>;
  let records: ReturnType<typeof createSearchRecords>;
  const suggest = trainerPython().then(createSuggest);

  beforeAll(async () => {
    [fresh, artifacts, folder] = await Promise.all([
      freshDatabase(),
      temporaryArtifacts(),
      temporaryFolder(),
    ]);
    const { db } = fresh;
    records = createSearchRecords({ db });
    suggestions = createTrialSuggestions({
      db,
      suggest: async (study, signal) => {
        studies.push(study);
        return (await suggest)(study, signal);
      },
    });
    studies = [];
  });
  afterAll(() => fresh.close());

  const given = async () => (await givenSearch({ ...fresh, artifacts, folder }, '1 2 3 4')).key;
  const ask = (key: SearchKey, number: number) =>
    new MockActivityEnvironment({}, { logger: quiet }).run<
      [AskTrialInput],
      AskedTrial,
      typeof suggestions.askTrial
    >(suggestions.askTrial, { ...key, number });
  /** The training of a trial as it would have ended, and what is told of it. */
  const train = async (
    { model, delivery }: SearchKey,
    trial: AskedTrial,
    { loss, outcome }: { loss?: number; outcome?: TrainingOutcome },
  ): Promise<TrainModelResult> => {
    const key = trainingKey({
      installation: 'test',
      model,
      delivery,
      trial: trial.number,
      attempt: 1,
    });
    const attempt = { model, delivery, attempt: 1, key };
    await openTrainingRun(fresh.db, { ...attempt, trial }, 'process');
    if (loss !== undefined)
      await recordMetrics(fresh.db, key, [
        { step: 1, metrics: { loss: loss + 1 } },
        { step: 2, metrics: { loss } },
      ]);
    const ended: TrainingOutcome = outcome ?? {
      kind: 'succeeded',
      model: await artifacts.keepBytes(`model ${trial.number}`, 'model'),
      manifest: await artifacts.keepBytes('{}', 'manifest'),
      metrics: { rows: 9 },
      environment: 'sha256:none',
      seconds: 1,
    };
    return { ...(await recordOutcome(fresh.db, attempt, ended)), attempt: 1 };
  };
  /** Parameters that nobody suggested, where it does not matter which. */
  const giveAny = (key: SearchKey, number: number) =>
    recordAsked(fresh.db, key, number, { parameters: { rate: 0.1 }, seen: 0 });
  const tell = async (key: SearchKey, number: number, end: Parameters<typeof train>[2]) => {
    const { parameters } = await ask(key, number);
    const trained = await train(key, { number, parameters }, end);
    return records.tellTrial({ ...key, number, trained });
  };

  test('a trial that is asked for again, also by two at once, is given what it was given first', async () => {
    const key = await given();
    const before = studies.length;
    const [one, same] = await Promise.all([ask(key, 1), ask(key, 1)]);
    expect(same).toEqual(one);
    expect(await ask(key, 1)).toEqual(one);
    expect(studies.length - before).toBeLessThanOrEqual(2);
    expect(await listTrialEvents(fresh.db, key)).toHaveLength(1);
  });

  test('the first end of a trial stands, the best one is chosen once, and each suggestion can be made again from what it knew', async () => {
    const key = await given();
    expect(await tell(key, 1, { loss: 0.5 })).toEqual({
      state: 'complete',
      value: 0.5,
      over: null,
    });
    expect(await tell(key, 2, { loss: 0.25 })).toMatchObject({ value: 0.25 });
    expect(await tell(key, 3, { outcome: failed('No rows.', 'TRAINING_FAILED') })).toEqual({
      state: 'failed',
      value: null,
      over: null,
    });
    const { parameters } = await ask(key, 2);
    const again = await train(key, { number: 2, parameters }, { loss: 0.25 });
    expect(await records.tellTrial({ ...key, number: 2, trained: again })).toMatchObject({
      value: 0.25,
    });

    const events = await listTrialEvents(fresh.db, key);
    expect(events.map(({ number, event }) => `${number} ${event}`)).toEqual([
      '1 asked',
      '1 complete',
      '2 asked',
      '2 complete',
      '3 asked',
      '3 failed',
    ]);
    for (const { number, seen, parameters: suggested } of events.filter(
      ({ event }) => event === 'asked',
    )) {
      const before = trialsOf(events.filter(({ sequence }) => sequence <= (seen ?? 0)));
      const study = studies.findLast((each) => each.number === number)!;
      const known = before.map(({ state, value, step, ...each }) => ({
        state,
        parameters: each.parameters,
        value,
        step,
      }));
      expect(await (await suggest)({ ...study, known })).toEqual(suggested);
    }

    const chosen = await records.chooseTrial(key);
    expect(chosen).toMatchObject({
      kind: 'succeeded',
      attempt: 1,
      trial: { number: 2, parameters },
    });
    expect(await records.chooseTrial(key)).toEqual(chosen);
    const trials = trialsOf(await listTrialEvents(fresh.db, key));
    expect(trials.map((each) => each.chosen)).toEqual([false, true, false]);
    expect(await firstBrokenAuditEntry(fresh.db)).toBeNull();

    const view = await readSearchView(fresh.db, key.model, 1);
    const search = { metric: 'loss', parallel: 1 };
    expect(view).toMatchObject({ search, endedByMoney: false, trials });
    const { attempts } = await readTrainingView(fresh.db, key.model, 1);
    const name = { installation: 'test', model: key.model, delivery: 1, attempt: 1 };
    expect(attempts.map((each) => each.key)).toEqual([trainingKey({ ...name, trial: 2 })]);
  });

  test('of its log the newest trial is shown, from its beginning, or the one that is asked for', async () => {
    const key = await given();
    const log = async (number: number) => {
      const parameters = await giveAny(key, number);
      const { attempt } = await train(key, { number, parameters }, { loss: number });
      const name = { installation: 'test', model: key.model, delivery: 1, attempt, trial: number };
      await recordLog(fresh.db, trainingKey(name), [
        { rank: 0, offset: 0, line: `trial ${number}` },
      ]);
    };
    const page = (since: string, trial?: number) =>
      readLogPage(fresh.db, key.model, 1, { since, limit: 10, trial });
    await log(1);
    const first = await page('0:0');
    expect(first).toMatchObject({ lines: [{ line: 'trial 1' }], next: '1:1:0' });
    expect(await page(first.next)).toMatchObject({ lines: [], next: '1:1:0' });
    await log(2);
    expect(await page(first.next)).toMatchObject({ lines: [{ line: 'trial 2' }], next: '2:1:0' });
    expect(await page('0:0', 1)).toMatchObject({ lines: [{ line: 'trial 1' }] });
  });

  test('the database refuses what never happened, and forgets nothing', async () => {
    const { model } = await given();
    const add = (event: string, more = '') =>
      fresh.db.execute(
        sql`INSERT INTO trial (model, delivery, number, event, reason) VALUES (${model}, 1, 1, ${event}, ${more})`,
      );
    const refusal = (message: string) => ({
      cause: { message: expect.stringContaining(message) as string },
    });
    await expect(add('failed')).rejects.toMatchObject(
      refusal('cannot be failed before it was asked'),
    );
    const key = { model, delivery: 1, specDigest: '' };
    await fresh.db.execute(
      sql`INSERT INTO trial (model, delivery, number, event, parameters, seen) VALUES (${model}, 1, 1, 'asked', '{}', 0)`,
    );
    await expect(add('pruned')).rejects.toMatchObject(refusal('before it was judged'));
    await expect(add('chosen')).rejects.toMatchObject(refusal('before it was complete'));
    await add('failed', 'once');
    await expect(
      fresh.db.execute(sql`UPDATE trial SET reason = 'other' WHERE model = ${model}`),
    ).rejects.toMatchObject(refusal('never changed'));
    await expect(recordJudged(fresh.db, key, 2, {} as never)).rejects.toMatchObject(
      refusal('cannot be judged before it was asked'),
    );
  });

  test('money that is spent lets running trials end; an unknown metric stops them and names what there is', async () => {
    const key = await given();
    await giveAny(key, 1);
    await giveAny(key, 2);
    const unpaid = { outcome: failed('The budget has no room.', 'BUDGET_EXCEEDED') };
    expect((await tell(key, 1, unpaid)).over).toEqual({
      reason: 'The budget has no room.',
      stopOthers: false,
    });
    const ended = async () => (await readSearchView(fresh.db, key.model, 1)).endedByMoney;
    expect(await ended()).toBe(true);
    const blind = await tell(key, 2, {});
    expect(blind.over).toMatchObject({ stopOthers: true });
    expect(blind.over?.reason).toContain("tells no metric 'loss'; it tells rows");
    expect(await records.chooseTrial(key)).toMatchObject({
      kind: 'failed',
      reason: expect.stringMatching(
        /^None of 2 trials ended with a model. Trial 2: The trainer/,
      ) as string,
    });
  });
});
