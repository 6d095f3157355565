import { MockActivityEnvironment } from '@temporalio/testing';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createDriftActivities } from '../../activities/drift.js';
import { createMonitorActs } from '../../activities/monitor-acts.js';
import { createReleaseActivities } from '../../activities/release/release.js';
import { driftReport } from '../../contracts/drift.js';
import type { AssessDriftResult, MonitorAct } from '../../contracts/monitor.js';
import { listAudit } from '../../db/audit-view.js';
import { storeWindowCounts } from '../../db/serving/window-count.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { randomFrom } from '../../statistics/random.js';
import { giveModel, giveVersion, model } from '../release/given.js';
import { temporaryArtifacts } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { countRows, drawRows, referenceOf, type Shift } from './traffic.js';

const random = randomFrom('drift activity');
const reference = referenceOf(drawRows(random, 10_000), random);
let database: FreshDatabase;
let artifacts: ArtifactStore;
let specDigest: string;
let asked = 0;

beforeEach(async () => {
  database = await freshDatabase();
  artifacts = await temporaryArtifacts();
  specDigest = await giveModel(database.db, {
    monitoring: { every: '2s', window: '6h', retrain: { drift: true, cooldown: '0s' } },
  });
  asked = 0;
});
afterEach(() => database.close());

/** One run of the activity; the same `activityId` again is Temporal's retry. */
const assess = (activityId = `activity ${(asked += 1)}`): Promise<AssessDriftResult> =>
  new MockActivityEnvironment({ activityId }).run(() =>
    createDriftActivities({
      db: database.db,
      artifacts,
      log: silentLog,
      clock: systemClock,
    }).assessDrift({
      model,
      check: 1,
      cause: 'timer',
    }),
  ) as Promise<AssessDriftResult>;

async function giveChampion(number: number, after: number | null): Promise<void> {
  const kept = await artifacts.keepBytes(JSON.stringify(reference), 'reference');
  await giveVersion(database.db, { number, specDigest, reference: kept });
  await createReleaseActivities({ db: database.db, log: silentLog }).promoteVersion({
    model,
    delivery: number,
    version: number,
    champion: after,
    expectedRevision: after ?? 0,
    by: 'ada',
    reason: '',
  });
}

const count = (
  rows: number,
  window: string,
  { shift = {}, version = 1 }: { shift?: Shift; version?: number } = {},
) =>
  storeWindowCounts(database.db, [
    {
      model,
      version,
      role: 'champion',
      revision: 1,
      windowStart: new Date(window),
      gateway: 'g',
      epoch: 1,
      counts: countRows(reference, drawRows(random, rows, shift)),
    },
  ]);

const reports = async () => {
  const { rows } = await database.db.execute(
    sql`SELECT report FROM drift_report ORDER BY check_number`,
  );
  return rows.map((row) => driftReport.parse(row.report));
};
const countOf = async (table: string): Promise<number> => {
  const { rows } = await database.db.execute(
    sql`SELECT count(*)::int AS n FROM ${sql.identifier(table)}`,
  );
  return Number(rows[0]?.n);
};

describe('a check', () => {
  test('of a model without a champion is quiet and keeps nothing', async () => {
    expect(await assess()).toEqual({
      report: expect.objectContaining({ verdict: 'inconclusive', rows: 0 }) as unknown,
      every: 2_000,
      team: 'network-operations',
      retraining: null,
    });
    expect(await countOf('drift_report')).toBe(0);
  });

  test('gathers until there are enough rows, then weighs each once', async () => {
    await giveChampion(1, null);
    await count(300, '2001-02-01T00:00:00Z');
    expect((await assess()).report).toMatchObject({ verdict: 'inconclusive', rows: 300 });
    await count(300, '2001-02-01T06:00:00Z');
    expect((await assess()).report).toMatchObject({ check: 2, verdict: 'pass', rows: 600 });
    expect((await assess()).report).toMatchObject({ verdict: 'inconclusive', rows: 0 });
    const [, weighed] = await reports();
    expect(weighed?.window).toEqual({
      from: '2001-02-01T00:00:00.000Z',
      to: '2001-02-01T12:00:00.000Z',
    });
  });

  test('that is repeated answers with the report it left', async () => {
    await giveChampion(1, null);
    await count(2_000, '2001-02-01T00:00:00Z', { shift: { unseen: 0.3 } });
    const first = await assess('one');
    expect(first.retraining?.trigger).toBe('drift');
    expect(await assess('one')).toEqual(first);
    expect(await countOf('drift_report')).toBe(1);
    expect(await countOf('retraining_decision')).toBe(1);
    const { rows } = await database.db.execute(
      sql`SELECT key FROM outbox WHERE type = 'drift.alarmed'`,
    );
    expect(rows).toEqual([{ key: `drift.alarmed/${model}/1` }]);
  });

  test('asks for the newest month whose labels are known', async () => {
    await giveChampion(1, null);
    await count(2_000, '2001-02-20T00:00:00Z', { shift: { unseen: 0.3 } });
    await database.db.execute(sql`
      INSERT INTO prediction (model, id, gateway, epoch, sequence, version, role, revision, entity, event_time, received_at, latency_us, score, inputs)
      SELECT ${model}, 'p' || n, 'g', 1, n, 1, 'champion', 1, 'e', '2001-02-01T00:00:00Z'::timestamptz + n * interval '1 day', now(), 200, 0.25, '{}'
      FROM generate_series(1, 20) n`);
    await database.db.execute(
      sql`INSERT INTO label (model, id, label) SELECT ${model}, 'p' || n, 0 FROM generate_series(1, 14) n`,
    );
    const { retraining } = await assess();
    expect(retraining?.reason).toMatch(/airport differs from the hold-out/);
    expect(retraining?.window).toEqual({
      from: '2001-01-16T00:00:00.001Z',
      to: '2001-02-15T00:00:00.001Z',
    });
    expect((await reports())[0]?.performance).toMatchObject({ rows: 14, positives: 0 });
  });

  test('holds a retraining while a delivery runs, and weighs it again when that has ended', async () => {
    await giveChampion(1, null);
    await database.db.execute(sql`
      INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage)
      VALUES (${model}, 9, 'deliver/x', 'run 9', 'manual', 'ada', ${specDigest}, 'train')`);
    await count(2_000, '2001-02-01T00:00:00Z', { shift: { unseen: 0.3 } });
    const held = await assess();
    expect(held.retraining).toBeNull();
    expect(held.report.reason).toMatch(/hold: Inputs moved away.* delivery 9 is under way/);
    await database.db.execute(
      sql`UPDATE delivery SET outcome = 'rejected', closed_at = now() WHERE number = 9`,
    );
    // No row has come since: the alarm is the other check's, and both say so.
    const again = await assess();
    expect(again.retraining?.trigger).toBe('drift');
    expect(again.report).toMatchObject({ verdict: 'inconclusive', severity: 'none' });
    expect(again.retraining?.reason).toMatch(/^Found by an earlier check and not weighed again/);
  });

  test('of a new champion begins anew', async () => {
    await giveChampion(1, null);
    await count(2_000, '2001-02-01T00:00:00Z', { shift: { unseen: 0.3 } });
    await assess();
    await giveChampion(2, 1);
    const fresh = await assess();
    expect(fresh.report).toMatchObject({ verdict: 'inconclusive', rows: 0 });
    expect(fresh.retraining).toBeNull();
    await count(1_000, '2001-03-01T00:00:00Z', { version: 2 });
    expect((await assess()).report.verdict).toBe('pass');
    expect((await reports()).map(({ version }) => version)).toEqual([1, 2, 2]);
  });

  test('weighs labels by the reference’s loss, each once', async () => {
    await giveChampion(1, null);
    await database.db.execute(sql`
      INSERT INTO prediction (model, id, gateway, epoch, sequence, version, role, revision, entity, event_time, received_at, latency_us, score, inputs)
      SELECT ${model}, 'p' || n, 'g', 1, n, 1, 'champion', 1, 'e', now(), now(), 200, 0.25, '{}' FROM generate_series(1, 600) n`);
    await database.db.execute(sql`
      INSERT INTO label (model, id, label) SELECT ${model}, 'p' || n, (n % 4 = 0)::int FROM generate_series(1, 600) n`);
    await assess();
    await assess();
    const [first, second] = await reports();
    const entropy = -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75));
    expect(first?.performance).toMatchObject({ rows: 600, positives: 150, meanScore: 0.25 });
    expect(first?.performance.logLoss).toBeCloseTo(entropy, 9);
    expect(second?.performance.rows).toBe(0);
  });
});

test('what a person did to a monitor stands in the audit chain, once however often it is recorded', async () => {
  const acts = createMonitorActs({ db: database.db });
  const pause: MonitorAct = {
    model,
    runId: 'r',
    number: 1,
    act: 'pause',
    by: 'ann',
    reason: 'ill',
  };
  for (const _ of [1, 2]) await acts.recordMonitorAct(pause);
  await acts.recordMonitorAct({ ...pause, number: 2, act: 'configure', every: 60_000 });
  expect(await listAudit(database.db, { after: 0, actor: 'ann', model, limit: 9 })).toMatchObject([
    { action: 'monitor.paused', subject: model, detail: { reason: 'ill' } },
    { action: 'monitor.configured', subject: model, detail: { reason: 'ill', every: 60_000 } },
  ]);
  await expect(database.db.execute(sql`DELETE FROM monitor_act`)).rejects.toMatchObject({
    cause: { message: 'rows of monitor_act are never changed or deleted' },
  });
});
