import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Admission, Decision } from '../../contracts/approval.js';
import type { ErrorCode } from '../../contracts/errors.js';
import type { AdmitDecisionInput, DeliveryKey } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import type { Database, Executor, Transaction } from '../connect.js';
import { enterStage, leaveStage } from './stage.js';
import { addToOutbox } from '../outbox.js';
import { admission, approval, vote } from '../schema/approval.js';

export type ApprovalRow = typeof approval.$inferSelect;

/** The approval of a delivery, or null. */
export async function loadApproval(db: Executor, key: DeliveryKey): Promise<ApprovalRow | null> {
  const [row] = await db.select().from(approval).where(isKey(key));
  return row ?? null;
}

/**
 * Decides whether a vote counts and writes it down: vote, approval, answer and audit entry in one transaction. A message that was
 * answered before gets the same answer; nothing is written a second time. `judge` says what speaks against the vote, or null.
 */
export async function admitVote(
  db: Database,
  { model, delivery, decision, messageId }: AdmitDecisionInput,
  judge: (
    decision: Decision,
    found: ApprovalRow | null,
  ) => { code: ErrorCode; reason: string } | null,
): Promise<Admission> {
  const key = { model, delivery };
  return db.transaction(async (tx) => {
    // One decision of a delivery at a time: two last votes cannot both find the quorum unmet.
    await tx.execute(
      sql`SELECT pg_advisory_xact_lock(hashtext('approval/' || ${model} || '/' || ${delivery}::text))`,
    );
    const [answered] = await tx
      .select({ answer: admission.answer })
      .from(admission)
      .where(
        and(
          eq(admission.model, model),
          eq(admission.delivery, delivery),
          eq(admission.messageId, messageId),
        ),
      );
    if (answered) return answered.answer;

    const found = await loadApproval(tx, key);
    const before = await countApprovals(tx, key);
    const quorum = found?.policy.quorum ?? 1;
    const against =
      judge(decision, found) ??
      (decision.vote !== 'cancel' && (await hasVoted(tx, key, decision.by))
        ? { code: 'ALREADY_VOTED' as const, reason: `${decision.by} has voted already.` }
        : null);
    const answer: Admission =
      against === null
        ? await countVote(tx, key, decision, found, before, quorum)
        : {
            admitted: false,
            code: against.code,
            reason: against.reason,
            standing: standingOf(found),
            approvals: before,
            quorum,
          };
    await tx.insert(admission).values({ ...key, messageId, decision, answer });
    await appendAudit(tx, {
      actor: decision.by,
      action: answer.admitted ? `decision.${decision.vote}` : 'decision.refused',
      subject: `${model}/${delivery}`,
      detail: {
        vote: decision.vote,
        reason: decision.reason ?? '',
        evidence: decision.evidence ?? null,
        code: answer.code,
        standing: answer.standing,
      },
    });
    return answer;
  });
}

async function countVote(
  tx: Transaction,
  key: DeliveryKey,
  { vote: cast, by, reason = '', evidence = '' }: Decision,
  found: ApprovalRow | null,
  before: number,
  quorum: number,
): Promise<Admission> {
  if (cast === 'cancel')
    return {
      admitted: true,
      code: null,
      reason: 'The delivery is cancelled.',
      standing: 'cancelled',
      approvals: before,
      quorum,
    };
  await tx.insert(vote).values({ ...key, by, vote: cast, reason, evidence });
  const approvals = before + (cast === 'approve' ? 1 : 0);
  const standing = cast === 'reject' ? 'rejected' : approvals >= quorum ? 'approved' : 'open';
  if (standing !== 'open') {
    await tx
      .update(approval)
      .set({ standing, closedAt: sql`now()` })
      .where(isKey(key));
    await enterStage(tx, key, 'approve', found?.openedAt);
    await leaveStage(tx, key, 'approve');
    if (standing === 'approved') await enterStage(tx, key, 'release');
    await addToOutbox(tx, {
      key: `approval.${standing}/${key.model}/${key.delivery}`,
      type: `approval.${standing}`,
      subject: `${key.model}/${key.delivery}`,
      payload: { ...key, by, reason },
    });
  }
  return {
    admitted: true,
    code: null,
    reason: `${approvals} of ${quorum} approvals.`,
    standing,
    approvals,
    quorum,
  };
}

/** Ends an open approval that nobody answered in time; answers where it stands, which may be a vote that came first. */
export async function expireApproval(
  db: Database,
  key: DeliveryKey,
): Promise<ApprovalRow['standing']> {
  return db.transaction(async (tx) => {
    const expired = await tx
      .update(approval)
      .set({ standing: 'expired', closedAt: sql`now()` })
      .where(and(isKey(key), eq(approval.standing, 'open')))
      .returning({ version: approval.version });
    if (expired.length === 0) return (await loadApproval(tx, key))?.standing ?? 'withdrawn';
    await addToOutbox(tx, {
      key: `approval.expired/${key.model}/${key.delivery}`,
      type: 'approval.expired',
      subject: `${key.model}/${key.delivery}`,
      payload: { ...key },
    });
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'approval.expired',
      subject: `${key.model}/${key.delivery}`,
      detail: { version: expired[0]?.version ?? null },
    });
    return 'expired';
  });
}

/** Takes an open or unused approval back, so that its evidence promotes nothing any more. False when there was none to take back. */
export async function withdrawOpenApproval(
  tx: Transaction,
  key: DeliveryKey,
  reason: string,
): Promise<boolean> {
  const withdrawn = await tx
    .update(approval)
    .set({ standing: 'withdrawn', closedAt: sql`now()` })
    .where(
      and(
        isKey(key),
        inArray(approval.standing, ['open', 'approved']),
        // The approval of a version that was promoted is what its being champion rests on.
        sql`NOT EXISTS (SELECT 1 FROM release r WHERE r.model = ${key.model} AND r.version = ${approval.version} AND r.status = 'promoted')`,
      ),
    )
    .returning({ version: approval.version });
  if (withdrawn.length === 0) return false;
  await appendAudit(tx, {
    actor: 'perennial',
    action: 'approval.withdrawn',
    subject: `${key.model}/${key.delivery}`,
    detail: { reason, version: withdrawn[0]?.version ?? null },
  });
  return true;
}

async function countApprovals(tx: Transaction, key: DeliveryKey): Promise<number> {
  return tx.$count(
    vote,
    and(eq(vote.model, key.model), eq(vote.delivery, key.delivery), eq(vote.vote, 'approve')),
  );
}

async function hasVoted(tx: Transaction, key: DeliveryKey, by: string): Promise<boolean> {
  const [cast] = await tx
    .select({ by: vote.by })
    .from(vote)
    .where(and(eq(vote.model, key.model), eq(vote.delivery, key.delivery), eq(vote.by, by)));
  return cast !== undefined;
}

function standingOf(found: ApprovalRow | null): Admission['standing'] {
  switch (found?.standing) {
    case 'approved':
    case 'rejected':
      return found.standing;
    case 'expired':
    case 'withdrawn':
      return 'cancelled';
    case 'open':
    case undefined:
      return 'open';
  }
}

const isKey = (key: DeliveryKey) =>
  and(eq(approval.model, key.model), eq(approval.delivery, key.delivery));
