import { sql, type SQL } from 'drizzle-orm';
import { approvalView, type ApprovalView } from '../../contracts/approval.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows, type Row } from '../rows.js';

const approvals = sql`
  SELECT a.*,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('by', by, 'vote', vote, 'reason', reason, 'at', at) ORDER BY at), '[]')
     FROM vote WHERE model = a.model AND delivery = a.delivery) AS votes
  FROM approval a`;

function approvalOf(row: Row): ApprovalView {
  const policy = row.policy as { approvers?: string[]; quorum?: number };
  const votes = row.votes as { by: string; vote: string; reason: string; at: string }[];
  return approvalView.parse({
    model: row.model,
    delivery: row.delivery,
    version: row.version,
    evidence: row.evidence,
    standing: row.standing,
    approvers: policy.approvers ?? [],
    quorum: policy.quorum ?? 1,
    requestedBy: row.requested_by,
    openedAt: instantOf(row.opened_at),
    expiresAt: instantOf(row.expires_at),
    votes: votes.map((vote) => ({ ...vote, at: instantOf(vote.at) })),
    summary: row.summary,
  });
}

/** The newest approval of those asked for, or null. */
export async function findApproval(db: Executor, where: SQL): Promise<ApprovalView | null> {
  const [row] = await readRows(
    db,
    sql`${approvals} WHERE ${where} ORDER BY a.delivery DESC LIMIT 1`,
  );
  return row ? approvalOf(row) : null;
}

/** Everything that waits for a vote, the oldest first. */
export async function listOpenApprovals(db: Executor): Promise<ApprovalView[]> {
  const rows = await readRows(db, sql`${approvals} WHERE a.standing = 'open' ORDER BY a.opened_at`);
  return rows.map(approvalOf);
}

/** The approval of a model that waits for votes, or null. */
export function findOpenApproval(db: Executor, model: string): Promise<ApprovalView | null> {
  return findApproval(db, sql`a.model = ${model} AND a.standing = 'open'`);
}
