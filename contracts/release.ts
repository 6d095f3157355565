import { z } from 'zod';
import { instant, modelName, principalId, share } from './names.js';
import { route } from './serving.js';
import { finding, verdict } from './verdict.js';

/** One thing a release does to the route. `staging` moves no traffic; `promote` gives the version everything. */
export const releaseStep = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('staging') }),
  z.strictObject({ kind: z.literal('canary'), share }),
  z.strictObject({ kind: z.literal('promote') }),
]);
export type ReleaseStep = z.infer<typeof releaseStep>;

export const releaseOutcome = z.enum(['promoted', 'rolled-back', 'aborted']);
export type ReleaseOutcome = z.infer<typeof releaseOutcome>;

/** What the judge of a step recommends. `wait` means: not enough seen yet. */
export const recommendation = z.enum(['promote', 'rollback', 'wait', 'ask']);
export type Recommendation = z.infer<typeof recommendation>;

/** Counts of one arm since the release began, as the judge gets them. */
export const armCounts = z.strictObject({
  requests: z.int().nonnegative(),
  errors: z.int().nonnegative(),
  latency: z.array(z.int().nonnegative()),
  labelled: z.int().nonnegative(),
  logLossSum: z.number(),
  logLossSquares: z.number(),
});
export type ArmCounts = z.infer<typeof armCounts>;

/** One look of the judge, with all its inputs: the verdict can be recomputed from it offline. */
export const judgement = z.strictObject({
  schemaVersion: z.literal(1),
  step: z.int().nonnegative(),
  look: z.int().positive(),
  at: instant,
  canary: armCounts,
  baseline: armCounts,
  /** Share of canary among canary and baseline traffic that the route asked for. */
  expectedShare: share,
  alpha: z.number(),
  findings: z.array(finding),
  verdict,
  recommendation,
  reason: z.string(),
});
export type Judgement = z.infer<typeof judgement>;

export const releaseView = z.strictObject({
  model: modelName,
  version: z.int().positive(),
  /** Null for a first version: there is no champion to compare with. */
  champion: z.int().positive().nullable(),
  delivery: z.int().positive(),
  workflowId: z.string(),
  status: z.enum(['staging', 'canary', 'paused', 'waiting', 'promoted', 'rolled-back', 'aborted']),
  step: z.int().nonnegative(),
  steps: z.array(releaseStep),
  requestedBy: principalId,
  route: route.nullable(),
  lastJudgement: judgement.nullable(),
  reason: z.string(),
  startedAt: instant,
  endedAt: instant.nullable(),
});
export type ReleaseView = z.infer<typeof releaseView>;

/** Message of the release's updates and signals `promote pause resume abort extend decide`. */
export const releaseCommand = z.strictObject({
  by: principalId,
  reason: z.string().max(2_000).default(''),
});
export type ReleaseCommand = z.input<typeof releaseCommand>;

/** "At once to version N". */
export const rollbackRequest = z.strictObject({
  to: z.int().positive().optional(),
  by: principalId,
  reason: z.string().min(1).max(2_000),
});
export type RollbackRequest = z.input<typeof rollbackRequest>;
