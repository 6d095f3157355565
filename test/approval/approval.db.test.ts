import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createApprovalActivities } from '../../activities/approval.js';
import type { Admission, Decision } from '../../contracts/approval.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { loadApproval } from '../../db/delivery/approval.js';
import { toFailure } from '../../workers/failure-interceptor.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { newDelivery, openApprovalRow } from './rows.js';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.close());

const evidence = 'e'.repeat(64);
const now = { now: () => new Date() };
let key: { model: string; delivery: number };
let activities: ReturnType<typeof createApprovalActivities>;
beforeEach(async () => {
  key = await newDelivery(database.db);
  activities = createApprovalActivities({ db: database.db, clock: now });
});

const cast = (by: string, messageId: string, change: Partial<Decision> = {}): Promise<Admission> =>
  activities.admitDecision({
    ...key,
    messageId,
    decision: { vote: 'approve', by, reason: 'fine', evidence, ...change },
  });
const standing = async () => (await loadApproval(database.db, key))?.standing;
const count = async (table: 'vote' | 'admission' | 'outbox') => {
  const { rows } = await database.db.execute<{ n: number }>(
    table === 'outbox'
      ? sql`SELECT count(*)::int AS n FROM outbox WHERE subject = ${`${key.model}/${key.delivery}`} AND type LIKE 'approval.%'`
      : sql`SELECT count(*)::int AS n FROM ${sql.identifier(table)} WHERE model = ${key.model}`,
  );
  return rows[0]?.n;
};

describe('a vote', () => {
  test('that fills the quorum approves, with one audit entry each', async () => {
    await openApprovalRow(database.db, key, { quorum: 2, approvers: [] });
    expect(await cast('bob', 'm1')).toMatchObject({
      admitted: true,
      standing: 'open',
      approvals: 1,
      quorum: 2,
    });
    expect(await cast('carol', 'm2')).toMatchObject({
      admitted: true,
      standing: 'approved',
      approvals: 2,
    });
    expect(await standing()).toBe('approved');
    expect(await firstBrokenAuditEntry(database.db)).toBeNull();
  });

  test.each([
    ['a NUL', 'fine\0'],
    ['half of a surrogate pair', 'fine \ud83d'],
  ])('with %s, which came past the doors, is final: no retry could keep it', async (_, reason) => {
    await openApprovalRow(database.db, key, {});
    const refused: unknown = await cast('bob', 'm1', { reason }).catch(toFailure);
    expect(refused).toMatchObject({ type: 'INPUT_INVALID', nonRetryable: true });
    expect(await count('vote')).toBe(0);
  });

  test('sent twice under one id counts once and gets the first answer', async () => {
    await openApprovalRow(database.db, key, {});
    const first = await cast('bob', 'same');
    expect(await cast('bob', 'same')).toEqual(first);
    expect(await count('vote')).toBe(1);
    expect(await count('admission')).toBe(1);
    expect(await count('outbox')).toBe(1);
  });

  test('of many at once fills the quorum exactly once', async () => {
    await openApprovalRow(database.db, key, { quorum: 3, approvers: [] });
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((by) => cast(by, `from-${by}`)),
    );
    expect(
      answers.filter((answer) => answer.standing === 'approved' && answer.admitted),
    ).toHaveLength(1);
    expect(answers.filter((answer) => answer.code === 'APPROVAL_NOT_OPEN')).toHaveLength(2);
    expect(await count('vote')).toBe(3);
  });

  test.each<[string, string, Partial<Decision>, object]>([
    ['for other evidence', 'EVIDENCE_MISMATCH', { evidence: 'f'.repeat(64) }, {}],
    ['for no evidence', 'EVIDENCE_MISMATCH', { evidence: undefined }, {}],
    ['by the one who asked', 'SELF_APPROVAL', { by: 'alice' }, { approvers: [] }],
    ['by a stranger', 'NOT_AN_APPROVER', { by: 'mallory' }, {}],
    ['after the time was up', 'APPROVAL_NOT_OPEN', {}, { expiresAt: new Date(0) }],
  ])('%s is refused and written down', async (_, code, change, approval) => {
    await openApprovalRow(database.db, key, approval);
    expect(await cast('bob', 'm', change)).toMatchObject({
      admitted: false,
      code,
      standing: 'open',
    });
    expect(await count('vote')).toBe(0);
    expect(await count('admission')).toBe(1);
    expect(await standing()).toBe('open');
  });

  test('by the one who asked counts where the spec allows it', async () => {
    await openApprovalRow(database.db, key, { approvers: [], selfApproval: true });
    expect(await cast('alice', 'm')).toMatchObject({ admitted: true, standing: 'approved' });
  });

  test('a second one of the same principal is refused', async () => {
    await openApprovalRow(database.db, key, { quorum: 2 });
    await cast('bob', 'm1');
    expect(await cast('bob', 'm2')).toMatchObject({
      admitted: false,
      code: 'ALREADY_VOTED',
      approvals: 1,
    });
  });

  test('to reject closes at once; later ones are refused', async () => {
    await openApprovalRow(database.db, key, { quorum: 2, approvers: [] });
    await cast('bob', 'm1', { vote: 'reject' });
    expect(await standing()).toBe('rejected');
    expect(await cast('carol', 'm2')).toMatchObject({
      admitted: false,
      code: 'APPROVAL_NOT_OPEN',
      standing: 'rejected',
    });
  });

  test('before there is anything to vote on is refused; cancelling is possible', async () => {
    expect(await cast('bob', 'm1')).toMatchObject({ admitted: false, code: 'APPROVAL_NOT_OPEN' });
    expect(await cast('bob', 'm2', { vote: 'cancel' })).toMatchObject({
      admitted: true,
      standing: 'cancelled',
    });
  });
});

describe('time', () => {
  test('reminding and escalating tell once each, however often they run', async () => {
    await openApprovalRow(database.db, key, {});
    for (const kind of ['reminder', 'reminder', 'escalation'] as const)
      expect(await activities.remindApprovers({ ...key, kind, to: ['bob'] })).toEqual({
        standing: 'open',
      });
    expect(await count('outbox')).toBe(2);
  });

  test('expiring closes an open approval, and leaves an answered one as it is', async () => {
    await openApprovalRow(database.db, key, {});
    expect(await activities.remindApprovers({ ...key, kind: 'expired', to: [] })).toEqual({
      standing: 'expired',
    });
    expect(await cast('bob', 'late')).toMatchObject({ admitted: false, code: 'APPROVAL_NOT_OPEN' });
    key = await newDelivery(database.db);
    await openApprovalRow(database.db, key, {});
    await cast('bob', 'in-time');
    expect(await activities.remindApprovers({ ...key, kind: 'expired', to: [] })).toEqual({
      standing: 'approved',
    });
  });
});

test('a withdrawn approval approves nothing any more, and withdrawing again changes nothing', async () => {
  await openApprovalRow(database.db, key, {});
  await cast('bob', 'm');
  await activities.withdrawApproval({ ...key, reason: 'cancelled' });
  await activities.withdrawApproval({ ...key, reason: 'cancelled' });
  expect(await standing()).toBe('withdrawn');
  const { rows } = await database.db.execute(
    sql`SELECT 1 FROM audit_entry WHERE action = 'approval.withdrawn' AND subject = ${`${key.model}/1`}`,
  );
  expect(rows).toHaveLength(1);
  await expect(
    database.db.execute(
      sql`INSERT INTO alias (model, name, version) VALUES (${key.model}, 'champion', 1)`,
    ),
  ).rejects.toThrow(/Failed query/);
});
