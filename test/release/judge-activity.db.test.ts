import { MockActivityEnvironment } from '@temporalio/testing';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createJudgeActivities } from '../../activities/release/judge.js';
import { createReleaseActivities } from '../../activities/release/release.js';
import { judgement as judgementContract } from '../../contracts/release.js';
import type { JudgeStepInput, JudgeStepResult } from '../../contracts/stages.js';
import type { WindowCounts } from '../../contracts/window-counts.js';
import { judgeStep } from '../../release/judge.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { giveModel, giveVersion, model } from './given.js';
import { noCounts } from './traffic.js';

let database: FreshDatabase;
let input: JudgeStepInput;

beforeEach(async () => {
  database = await freshDatabase();
  const specDigest = await giveModel(database.db, {
    release: { judge: { minimumRequests: 100, minimumTime: '0s', errorRateMargin: 0.02 } },
  });
  for (const number of [1, 2]) await giveVersion(database.db, { number, specDigest });
  const releases = createReleaseActivities({ db: database.db, log: silentLog });
  await releases.promoteVersion({
    model,
    delivery: 1,
    version: 1,
    champion: null,
    expectedRevision: 0,
    by: 'ada',
    reason: '',
  });
  const { revision } = await releases.moveRoute({
    model,
    delivery: 2,
    version: 2,
    champion: 1,
    share: 0.1,
    step: 1,
    expectedRevision: 1,
  });
  input = {
    model,
    delivery: 2,
    version: 2,
    champion: 1,
    specDigest,
    step: 1,
    share: 0.1,
    sinceRevision: revision,
    every: 20,
    maximumTime: 60_000,
  };
});
afterEach(() => database.close());

const giveRelease = () =>
  database.db.execute(sql`
    INSERT INTO release (run_id, model, version, champion, delivery, workflow_id, status, steps, requested_by)
    VALUES ('r', ${model}, 2, 1, 2, 'w', 'staging', '[]', 'ada')`);
const environment = () => new MockActivityEnvironment({ scheduledTimestampMs: Date.now() });
const judge = (overrides: Partial<JudgeStepInput> = {}, within = environment()) =>
  within.run(
    (asked: JudgeStepInput) =>
      createJudgeActivities({ db: database.db, log: silentLog, clock: systemClock }).judgeStep(
        asked,
      ),
    { ...input, ...overrides },
  ) as Promise<JudgeStepResult>;

async function count(
  role: 'canary' | 'baseline' | 'champion',
  { requests, errors = 0, revision = 2 }: { requests: number; errors?: number; revision?: number },
): Promise<void> {
  const counts: WindowCounts = {
    requests,
    errors,
    latency: noCounts().latency.map((_, bin) => (bin === 5 ? requests - errors : 0)),
    features: [],
    score: null,
  };
  await database.db.execute(sql`
    INSERT INTO window_count (model, version, role, revision, window_start, gateway, epoch, counts)
    VALUES (${model}, ${role === 'canary' ? 2 : 1}, ${role}, ${revision}, now(), 'g', 1, ${counts})`);
  if (role === 'champion') return;
  await database.db.execute(sql`
    INSERT INTO prediction (model, id, gateway, epoch, sequence, version, role, revision, entity, event_time, received_at, latency_us, score, inputs)
    SELECT ${model}, ${role} || n, 'g', 1, n, 1, ${role}, ${revision}, ${role} || n, now(), now(), 200, 0.25, '{}'
    FROM generate_series(1, ${requests}::int) n`);
}

const storedLooks = async (): Promise<number[]> => {
  const { rows } = await database.db.execute(
    sql`SELECT look FROM release_step ORDER BY step, look`,
  );
  return rows.map(({ look }) => Number(look));
};

describe('the judge of a step', () => {
  test('promotes on the counts of both arms and keeps what it judged', async () => {
    await count('champion', { requests: 1_000, revision: 1 });
    await count('canary', { requests: 600 });
    await count('baseline', { requests: 620, errors: 1 });
    const { judgement } = await judge();
    expect(judgement.recommendation).toBe('promote');
    expect(judgement).toMatchObject({
      look: 1,
      canary: { entities: 600, requests: 600 },
      baseline: { entities: 620, errors: 1 },
      basis: { latencyBound: 1_131, exposure: { requests: 600 } },
    });
    const { rows } = await database.db.execute(sql`SELECT judgement FROM release_step`);
    const stored = judgementContract.parse(rows[0]?.judgement);
    expect(judgeStep(stored)).toEqual(judgement);
  });

  test('sees a canary fail while it watches, and names the numbers', async () => {
    await count('canary', { requests: 10 });
    await count('baseline', { requests: 10 });
    const judging = judge();
    await expect.poll(storedLooks).toEqual([1]);
    await database.db.execute(sql`
      UPDATE window_count SET counts = counts || CASE role WHEN 'canary' THEN '{"requests": 60, "errors": 30}' ELSE '{"requests": 60}' END::jsonb`);
    const { judgement } = await judging;
    expect(judgement.recommendation).toBe('rollback');
    expect(judgement.reason).toMatch(/30 errors in 60 requests/);
    expect(judgement.look).toBe(2);
  });

  test('takes nothing back that a person did meanwhile, and asks nobody then', async () => {
    const standing = async () =>
      (await database.db.execute(sql`SELECT status FROM release`)).rows[0]?.status;
    await giveRelease();
    const releases = createReleaseActivities({ db: database.db, log: silentLog });
    const steered = { model, delivery: 2, version: 2, by: 'ada', reason: '' };
    await releases.steerRelease({ ...steered, act: 'pause', status: 'paused', steered: 1 });
    await judge({ maximumTime: 0 });
    await judge({ maximumTime: 0, steered: 0 });
    expect(await standing()).toBe('paused');
    await releases.steerRelease({ ...steered, act: 'resume', status: 'canary', steered: 2 });
    await judge({ maximumTime: 0, steered: 0 });
    expect(await standing()).toBe('canary');
    const told = sql`SELECT count(*)::int AS n FROM outbox WHERE type = 'release.waiting'`;
    expect((await database.db.execute(told)).rows).toEqual([{ n: 0 }]);
    await judge({ maximumTime: 0, steered: 2 });
    expect(await standing()).toBe('waiting');
    expect((await database.db.execute(told)).rows).toEqual([{ n: 1 }]);
  });

  test('asks a person when the time is over, and says so in the release', async () => {
    await giveRelease();
    const { judgement } = await judge({ maximumTime: 0 });
    expect(judgement.recommendation).toBe('ask');
    const { rows } = await database.db.execute(sql`SELECT status, step FROM release`);
    expect(rows).toEqual([{ status: 'waiting', step: 1 }]);
    const told = await database.db.execute(
      sql`SELECT type, payload ->> 'summary' AS summary FROM outbox WHERE type LIKE 'release.%'`,
    );
    expect(told.rows).toEqual([{ type: 'release.waiting', summary: judgement.reason }]);
  });

  test('goes on numbering its looks after a restart', async () => {
    await judge({ maximumTime: 0 });
    await judge({ maximumTime: 0 });
    expect(await storedLooks()).toEqual([1, 2]);
  });

  test('keeps no second look at the same counts', async () => {
    await count('canary', { requests: 10 });
    await judge({ maximumTime: 300 });
    expect(await storedLooks()).toEqual([1, 2]);
  });

  test('takes the next number when a judge before it has taken its own meanwhile', async () => {
    const judging = judge({ maximumTime: 400, every: 100 });
    await expect.poll(storedLooks).toEqual([1]);
    await database.db.execute(sql`
      INSERT INTO release_step SELECT model, delivery, version, step, 2, judgement FROM release_step`);
    expect((await judging).judgement.look).toBe(3);
    expect(await storedLooks()).toEqual([1, 2, 3]);
  });

  test('ends at once when cancelled', async () => {
    const within = environment();
    const judging = judge({ every: 60_000 }, within);
    await expect.poll(storedLooks).toEqual([1]);
    const began = performance.now();
    within.cancel();
    await expect(judging).rejects.toThrow(/cancel/i);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  test('judges labels by the same loss as the reference', async () => {
    await count('canary', { requests: 300 });
    await count('baseline', { requests: 300 });
    await database.db.execute(sql`
      INSERT INTO label (model, id, label) SELECT ${model}, id, 1 FROM prediction WHERE role = 'canary' AND sequence <= 250`);
    const { judgement } = await judge({ maximumTime: 0 });
    expect(judgement.canary.labelled).toBe(250);
    expect(judgement.canary.logLossSum).toBeCloseTo(250 * Math.log(4), 9);
    expect(judgement.canary.logLossSquares).toBeCloseTo(250 * Math.log(4) ** 2, 9);
    expect(judgement.baseline.labelled).toBe(0);
  });

  test('builds on what the steps before it have seen, but asks its own share of requests', async () => {
    await count('canary', { requests: 600 });
    await count('baseline', { requests: 600 });
    const releases = createReleaseActivities({ db: database.db, log: silentLog });
    const { revision } = await releases.moveRoute({
      model,
      delivery: 2,
      version: 2,
      champion: 1,
      share: 0.25,
      step: 2,
      expectedRevision: 2,
    });
    const { judgement } = await judge({
      step: 2,
      share: 0.25,
      sinceRevision: revision,
      maximumTime: 0,
    });
    expect(judgement.canary.requests).toBe(600);
    expect(judgement.basis.exposure.requests).toBe(0);
    expect(judgement.recommendation).toBe('ask');
  });
});
