import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createReleaseActivities } from '../../activities/release/release.js';
import type { OpenReleaseInput } from '../../contracts/stages.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { championNumber } from '../../db/release/promotion.js';
import { latestRelease } from '../../db/release/release.js';
import { currentRoute } from '../../db/release/route.js';
import { silentLog } from '../../runtime/log.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { giveModel, giveVersion, model } from './given.js';

let database: FreshDatabase;
let specDigest: string;
const activities = () => createReleaseActivities({ db: database.db, log: silentLog });

beforeEach(async () => {
  database = await freshDatabase();
  specDigest = await giveModel(database.db);
  for (const number of [1, 2, 3]) await giveVersion(database.db, { number, specDigest });
});
afterEach(() => database.close());

const opening = (
  version: number,
  champion: number | null,
  runId = `run ${version}`,
): OpenReleaseInput => ({
  model,
  delivery: version,
  version,
  champion,
  specDigest,
  requestedBy: 'ada',
  steps: [{ kind: 'staging' }, { kind: 'promote' }],
  every: 1_000,
  maximumTime: 60_000,
  workflowId: `release/${model}`,
  runId,
});
const promoting = (version: number, champion: number | null, expectedRevision: number) => ({
  model,
  delivery: version,
  version,
  champion,
  expectedRevision,
  by: 'ada',
  reason: 'The judge found no harm.',
});
const moving = (share: number, expectedRevision: number, step = 1) => ({
  model,
  delivery: 2,
  version: 2,
  champion: 1,
  share,
  step,
  expectedRevision,
});
const restoring = (version = 2, champion: number | null = 1) => ({
  model,
  delivery: version,
  version,
  champion,
  reason: 'The canary failed.',
});
const rowsOf = async (table: string): Promise<number> => {
  const { rows } = await database.db.execute(
    sql`SELECT count(*)::int AS n FROM ${sql.identifier(table)}`,
  );
  return Number(rows[0]?.n);
};

test('a pause and its end stand in the record, with one audit entry each, however often they are told', async () => {
  await activities().openRelease(opening(2, null));
  await database.db.execute(sql`UPDATE release SET status = 'canary'`);
  const steering = { model, delivery: 2, version: 2, by: 'ada', reason: 'an alert' };
  const paused = { ...steering, status: 'paused' } as const;
  const resumed = { ...steering, status: 'canary' } as const;
  const entries = async () => {
    const { rows } = await database.db.execute(
      sql`SELECT actor, action FROM audit_entry WHERE action LIKE 'release.%ed' AND action <> 'release.opened' ORDER BY sequence`,
    );
    return rows;
  };
  await activities().steerRelease(paused);
  await activities().steerRelease(paused);
  expect((await latestRelease(database.db, steering))?.status).toBe('paused');
  expect(await entries()).toEqual([{ actor: 'ada', action: 'release.paused' }]);
  await activities().steerRelease(resumed);
  await activities().steerRelease(resumed);
  expect((await latestRelease(database.db, steering))?.status).toBe('canary');
  expect(await entries()).toHaveLength(2);
  await activities().closeRelease({ ...steering, outcome: 'aborted' });
  await activities().steerRelease(paused);
  expect((await latestRelease(database.db, steering))?.status).toBe('aborted');
});

test('an extension of a running canary stands in the audit trail, each one once', async () => {
  await activities().openRelease(opening(2, null));
  await database.db.execute(sql`UPDATE release SET status = 'canary'`);
  const extending = (steered: number) => ({
    model,
    delivery: 2,
    version: 2,
    by: 'ada',
    reason: 'it is a holiday',
    act: 'extend' as const,
    status: 'canary' as const,
    steered,
  });
  for (const steered of [1, 1, 2, 1]) await activities().steerRelease(extending(steered));
  await Promise.all([3, 3].map((steered) => activities().steerRelease(extending(steered))));
  const { rows } = await database.db.execute(
    sql`SELECT actor, detail ->> 'before' AS before FROM audit_entry WHERE action = 'release.extended'`,
  );
  expect(rows).toEqual(Array(3).fill({ actor: 'ada', before: 'canary' }));
  expect((await latestRelease(database.db, extending(1)))?.steered).toBe(3);
});

describe('a first release', () => {
  test('promotes at revision 1 with alias, audit entry and notice', async () => {
    expect(await activities().openRelease(opening(1, null))).toEqual({ revision: 0 });
    expect(await activities().promoteVersion(promoting(1, null, 0))).toEqual({ revision: 1 });
    expect(await championNumber(database.db, model)).toBe(1);
    expect(await currentRoute(database.db, model)).toMatchObject({
      revision: 1,
      arms: [{ version: 1, share: 1, role: 'champion' }],
    });
    expect(await latestRelease(database.db, { model, delivery: 1, version: 1 })).toMatchObject({
      status: 'promoted',
      reason: 'The judge found no harm.',
    });
    expect(await firstBrokenAuditEntry(database.db)).toBeNull();
  });

  test('done twice leaves one row of each', async () => {
    for (const _ of [1, 2]) {
      await activities().openRelease(opening(1, null));
      await activities().promoteVersion(promoting(1, null, 0));
      await activities().closeRelease({
        model,
        delivery: 1,
        version: 1,
        outcome: 'promoted',
        reason: '',
      });
    }
    expect(await rowsOf('route')).toBe(1);
    expect(await rowsOf('release')).toBe(1);
    expect(await rowsOf('outbox')).toBe(1);
  });

  test('done at once by two workers promotes once', async () => {
    const both = await Promise.all([
      activities().promoteVersion(promoting(1, null, 0)),
      activities().promoteVersion(promoting(1, null, 0)),
    ]);
    expect(both).toEqual([{ revision: 1 }, { revision: 1 }]);
    expect(await rowsOf('outbox')).toBe(1);
  });

  test('has nothing to restore', async () => {
    expect(await activities().restoreRoute(restoring(1, null))).toEqual({ revision: 0 });
    await activities().promoteVersion(promoting(1, null, 0));
    expect(await activities().restoreRoute(restoring(1, null))).toEqual({ revision: 1 });
  });
});

describe('a promotion is refused', () => {
  const refusal = (number: number) => activities().promoteVersion(promoting(number, null, 0));

  test('without an approval', async () => {
    await giveVersion(database.db, { number: 4, specDigest, standing: 'open' });
    await expect(refusal(4)).rejects.toMatchObject({
      code: 'PROMOTION_REFUSED',
      message: 'Version 4 of flight-delay was to get traffic, but its approval is open.',
    });
    expect(await currentRoute(database.db, model)).toBeNull();
  });

  test('on an approval of other evidence', async () => {
    await giveVersion(database.db, { number: 4, specDigest, approvedEvidence: 'f'.repeat(64) });
    await expect(refusal(4)).rejects.toMatchObject({ code: 'PROMOTION_REFUSED' });
  });

  test('with a failed gate, which it names', async () => {
    await database.db.execute(
      sql`INSERT INTO gate_verdict (model, delivery, name, verdict, finding) VALUES (${model}, 1, 'roc_auc', 'fail', '{}')`,
    );
    await expect(refusal(1)).rejects.toThrow(/failed roc_auc/);
  });

  test('by the database itself, whoever writes the alias', async () => {
    await giveVersion(database.db, { number: 4, specDigest, standing: 'rejected' });
    await expect(
      database.db.execute(
        sql`INSERT INTO alias (model, name, version) VALUES (${model}, 'champion', 4)`,
      ),
    ).rejects.toMatchObject({ cause: { code: '23514' } });
  });
});

describe('beside a champion', () => {
  beforeEach(async () => {
    await activities().openRelease(opening(1, null));
    await activities().promoteVersion(promoting(1, null, 0));
    await activities().openRelease(opening(2, 1));
  });

  test('each step gives the canary its share and a baseline as large', async () => {
    expect(await activities().moveRoute(moving(0.1, 1))).toEqual({ revision: 2 });
    expect(await activities().moveRoute(moving(0.25, 2, 2))).toEqual({ revision: 3 });
    expect((await currentRoute(database.db, model))?.arms).toEqual([
      { version: 2, share: 0.25, role: 'canary' },
      { version: 1, share: 0.5, role: 'champion' },
      { version: 1, share: 0.25, role: 'baseline' },
    ]);
    expect(await latestRelease(database.db, { model, delivery: 2, version: 2 })).toMatchObject({
      status: 'canary',
      step: 2,
    });
  });

  test('a repeated move finds its own revision, also after others', async () => {
    await activities().moveRoute(moving(0.1, 1));
    await activities().moveRoute(moving(0.25, 2, 2));
    expect(await activities().moveRoute(moving(0.1, 1))).toEqual({ revision: 2 });
    expect(await rowsOf('route')).toBe(3);
  });

  test('a mover that has not seen the newest revision is fenced off and changes nothing', async () => {
    await activities().moveRoute(moving(0.1, 1));
    await expect(activities().moveRoute(moving(0.5, 1, 3))).rejects.toMatchObject({
      code: 'FENCED',
      message: 'The route of flight-delay was to be moved from revision 1, but it is at 2.',
    });
    await expect(activities().promoteVersion(promoting(2, 1, 1))).rejects.toMatchObject({
      code: 'FENCED',
    });
    expect(await championNumber(database.db, model)).toBe(1);
    expect(await rowsOf('route')).toBe(2);
  });

  test('two versions promoted at once: one wins, the other is fenced off', async () => {
    const ended = await Promise.allSettled([
      activities().promoteVersion(promoting(2, 1, 1)),
      activities().promoteVersion(promoting(3, 1, 1)),
    ]);
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await rowsOf('route')).toBe(2);
  });

  test('a release that began beside another champion is fenced off', async () => {
    await activities().promoteVersion(promoting(2, 1, 1));
    await expect(activities().promoteVersion(promoting(3, 1, 2))).rejects.toThrow(
      'v3 of flight-delay was to follow champion v1, but the champion is v2.',
    );
  });

  test('everything goes back to the champion, once', async () => {
    await activities().moveRoute(moving(0.1, 1));
    expect(await activities().restoreRoute(restoring())).toEqual({ revision: 3 });
    expect(await activities().restoreRoute(restoring())).toEqual({ revision: 3 });
    expect((await currentRoute(database.db, model))?.arms).toEqual([
      { version: 1, share: 1, role: 'champion' },
    ]);
    await activities().closeRelease({
      model,
      delivery: 2,
      version: 2,
      outcome: 'rolled-back',
      reason: 'It failed.',
    });
    await activities().closeRelease({
      model,
      delivery: 2,
      version: 2,
      outcome: 'rolled-back',
      reason: 'It failed.',
    });
    expect(await rowsOf('outbox')).toBe(2);
    expect(await latestRelease(database.db, { model, delivery: 2, version: 2 })).toMatchObject({
      status: 'rolled-back',
      reason: 'It failed.',
    });
  });

  test('a promotion that went through before it was called off is undone with its alias', async () => {
    await activities().promoteVersion(promoting(2, 1, 1));
    await activities().restoreRoute(restoring());
    expect(await championNumber(database.db, model)).toBe(1);
    expect((await currentRoute(database.db, model))?.arms[0]?.version).toBe(1);
    await activities().closeRelease({
      model,
      delivery: 2,
      version: 2,
      outcome: 'aborted',
      reason: 'Called off.',
    });
    expect(await latestRelease(database.db, { model, delivery: 2, version: 2 })).toMatchObject({
      status: 'aborted',
    });
  });

  test('a late compensation leaves a route alone that its version has no part in', async () => {
    await activities().moveRoute(moving(0.1, 1));
    await activities().restoreRoute(restoring());
    await activities().promoteVersion(promoting(3, 1, 3));
    expect(await activities().restoreRoute(restoring())).toEqual({ revision: 4 });
    expect(await championNumber(database.db, model)).toBe(3);
  });

  test('what lost its workflow is ended and its traffic given back by the next release, once', async () => {
    await activities().moveRoute(moving(0.1, 1));
    // Of the same version, as two rollbacks to it are.
    await activities().openRelease(opening(3, 1, 'lost, too'));
    for (const _ of [1, 2])
      expect(await activities().openRelease(opening(3, 1))).toEqual({ revision: 3 });
    expect((await currentRoute(database.db, model))?.arms).toEqual([
      { version: 1, share: 1, role: 'champion' },
    ]);
    expect(await latestRelease(database.db, { model, delivery: 2, version: 2 })).toMatchObject({
      status: 'rolled-back',
      reason: 'Its workflow ended without closing it.',
    });
    expect(await latestRelease(database.db, { model, delivery: 3, version: 3 })).toMatchObject({
      runId: 'run 3',
      endedAt: null,
    });
    expect(await firstBrokenAuditEntry(database.db)).toBeNull();
  });

  test('what lost its workflow takes nothing from a version that another release made champion', async () => {
    await activities().openRelease(opening(1, 2, 'lost rollback'));
    await activities().openRelease(opening(3, 1));
    expect(await championNumber(database.db, model)).toBe(1);
    expect(await currentRoute(database.db, model)).toMatchObject({ revision: 1 });
  });

  test('a version that was champion before is made so again at once', async () => {
    await activities().promoteVersion(promoting(2, 1, 1));
    await activities().openRelease({
      ...opening(1, 2, 'rollback run'),
      immediate: { reason: 'Alert 7' },
    });
    expect(await activities().promoteVersion(promoting(1, 2, 2))).toEqual({ revision: 3 });
    expect(await championNumber(database.db, model)).toBe(1);
    expect(await rowsOf('release')).toBe(3);
  });
});
