import type { Admission, Decision } from '../contracts/approval.js';
import { decision as decisionSchema } from '../contracts/approval.js';
import { PerennialError, type ErrorCode } from '../contracts/errors.js';
import type {
  AdmitDecisionInput,
  RemindInput,
  RemindOutput,
  WithdrawApprovalInput,
} from '../contracts/stages.js';
import {
  admitVote,
  expireApproval,
  loadApproval,
  withdrawOpenApproval,
  type ApprovalRow,
} from '../db/delivery/approval.js';
import type { Database } from '../db/connect.js';
import { addToOutbox } from '../db/outbox.js';
import type { Clock } from '../runtime/clock.js';
import type { ApprovalActivities } from './index.js';

/** Who may say yes to what. The workflow asks; the answer stands in the database before the workflow hears it. */
export function createApprovalActivities({
  db,
  clock,
}: {
  db: Database;
  clock: Clock;
}): ApprovalActivities {
  /** Admits or refuses one decision. A second run finds the first one's answer by the message's id. Throws INPUT_INVALID. */
  async function admitDecision(input: AdmitDecisionInput): Promise<Admission> {
    const parsed = decisionSchema.safeParse(input.decision);
    if (!parsed.success)
      throw new PerennialError(
        'INPUT_INVALID',
        `This is no decision: ${parsed.error.issues[0]?.message}.`,
      );
    return admitVote(db, { ...input, decision: parsed.data }, (decision, found) =>
      whatSpeaksAgainst(decision, found, clock.now()),
    );
  }

  /** Reminds, escalates or ends an approval. The notice's key makes a second run tell nobody twice. */
  async function remindApprovers({
    model,
    delivery,
    kind,
    to,
  }: RemindInput): Promise<RemindOutput> {
    const key = { model, delivery };
    if (kind === 'expired') return { standing: await expireApproval(db, key) };
    const found = await loadApproval(db, key);
    if (found?.standing === 'open')
      await addToOutbox(db, {
        key: `approval.${kind}/${model}/${delivery}`,
        type: `approval.${kind}`,
        subject: `${model}/${delivery}`,
        payload: {
          ...key,
          to,
          version: found.version,
          evidence: found.evidence,
          summary: found.summary,
          quorum: found.policy.quorum,
          expiresAt: found.expiresAt.toISOString(),
        },
      });
    return { standing: found?.standing ?? 'withdrawn' };
  }

  /** Compensation: evidence that was judged for nothing promotes nothing later. A second run finds it withdrawn. */
  async function withdrawApproval({
    model,
    delivery,
    reason,
  }: WithdrawApprovalInput): Promise<void> {
    await db.transaction((tx) => withdrawOpenApproval(tx, { model, delivery }, reason));
  }

  return { admitDecision, remindApprovers, withdrawApproval };
}

/** The rules of admission, without a database: what speaks against a decision, or null. */
function whatSpeaksAgainst(
  { vote, by, evidence }: Decision,
  found: Pick<ApprovalRow, 'standing' | 'evidence' | 'requestedBy' | 'policy' | 'expiresAt'> | null,
  now: Date,
): { code: ErrorCode; reason: string } | null {
  if (vote === 'cancel') return null;
  if (found === null) return { code: 'APPROVAL_NOT_OPEN', reason: 'Nothing waits for a vote yet.' };
  if (found.standing !== 'open')
    return { code: 'APPROVAL_NOT_OPEN', reason: `The approval is ${found.standing}.` };
  if (now > found.expiresAt)
    return {
      code: 'APPROVAL_NOT_OPEN',
      reason: `The approval expired at ${found.expiresAt.toISOString()}.`,
    };
  if (evidence !== found.evidence)
    return {
      code: 'EVIDENCE_MISMATCH',
      reason: `The vote is about evidence ${evidence ?? 'that it does not name'}; what waits is ${found.evidence}.`,
    };
  const { approvers, selfApproval } = found.policy;
  if (vote === 'approve' && by === found.requestedBy && !selfApproval)
    return {
      code: 'SELF_APPROVAL',
      reason: `${by} asked for this delivery and cannot approve it.`,
    };
  if (approvers.length > 0 && !approvers.includes(by))
    return {
      code: 'NOT_AN_APPROVER',
      reason: `${by} is not among the approvers: ${approvers.join(', ')}.`,
    };
  return null;
}
