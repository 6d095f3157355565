import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import {
  admission,
  approvalView,
  type Admission,
  type ApprovalView,
  type Decision,
} from '../contracts/approval.js';
import type { Http } from './http.js';

/** Who votes, why, and on which evidence. With the same `idempotencyKey` a vote sent twice counts once. */
export interface Vote {
  by: string;
  reason?: string;
  evidence: string;
  idempotencyKey?: string;
}

/** Approvals: what waits, and the answer to it. */
export function createApprovalClient(http: Http) {
  const decide = (
    model: string,
    decision: Decision,
    idempotencyKey: string = randomUUID(),
  ): Promise<Admission> =>
    http.post(`/api/v1/models/${encodeURIComponent(model)}/decision`, admission, {
      body: decision,
      headers: { 'idempotency-key': idempotencyKey },
    });
  const vote =
    (kind: 'approve' | 'reject') =>
    (model: string, { idempotencyKey, ...rest }: Vote): Promise<Admission> =>
      decide(model, { ...rest, vote: kind }, idempotencyKey);
  return {
    async listApprovals(): Promise<ApprovalView[]> {
      const answer = z.strictObject({ approvals: z.array(approvalView) });
      return (await http.get('/api/v1/approvals', answer)).approvals;
    },
    approve: vote('approve'),
    reject: vote('reject'),
    /** Ends the running delivery at whatever stage it is; what it did is undone. */
    cancelDelivery: (model: string, { by, reason }: { by: string; reason?: string }) =>
      decide(model, { vote: 'cancel', by, ...(reason === undefined ? {} : { reason }) }),
  };
}
