import { z } from 'zod';
import { instant, modelName, principalId, sha256 } from './names.js';

/** Exactly what a person says yes to. One changed byte gives another digest, and a vote for the old one is refused. */
export const evidence = z.strictObject({
  schemaVersion: z.literal(1),
  model: modelName,
  delivery: z.int().positive(),
  modelSha256: sha256,
  evaluationSha256: sha256,
  snapshotDigest: sha256,
  policyDigest: sha256,
  specDigest: sha256,
});
export type Evidence = z.infer<typeof evidence>;

/** The message of update and signal `decide`. */
export const decision = z.strictObject({
  vote: z.enum(['approve', 'reject', 'cancel']),
  by: principalId,
  reason: z.string().max(2_000).default(''),
  /** Digest of the evidence being voted on; not needed to cancel. */
  evidence: sha256.optional(),
});
export type Decision = z.input<typeof decision>;

export const admission = z.strictObject({
  admitted: z.boolean(),
  /** Code of the error catalogue when refused. */
  code: z.string().nullable(),
  reason: z.string(),
  /** Where the approval stands after this vote. */
  standing: z.enum(['open', 'approved', 'rejected', 'cancelled']),
  approvals: z.int().nonnegative(),
  quorum: z.int().positive(),
});
export type Admission = z.infer<typeof admission>;

/** What waits for a person, as the inbox shows it. */
export const approvalView = z.strictObject({
  model: modelName,
  delivery: z.int().positive(),
  version: z.int().positive(),
  evidence: sha256,
  standing: z.enum(['open', 'approved', 'rejected', 'expired', 'withdrawn']),
  approvers: z.array(principalId),
  quorum: z.int().positive(),
  requestedBy: principalId,
  openedAt: instant,
  expiresAt: instant,
  votes: z.array(
    z.strictObject({
      by: principalId,
      vote: z.enum(['approve', 'reject']),
      reason: z.string(),
      at: instant,
    }),
  ),
  summary: z.string(),
});
export type ApprovalView = z.infer<typeof approvalView>;
