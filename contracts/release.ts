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
  /** Different entities that asked: the arms are split by entity, so this is what must come in the ratio asked for. */
  entities: z.int().nonnegative(),
  requests: z.int().nonnegative(),
  errors: z.int().nonnegative(),
  latency: z.array(z.int().nonnegative()),
  labelled: z.int().nonnegative(),
  logLossSum: z.number(),
  logLossSquares: z.number(),
});
export type ArmCounts = z.infer<typeof armCounts>;

/** The spec's `release.judge`, lengths of time in milliseconds. */
export const judgePolicy = z.strictObject({
  minimumRequests: z.int().positive(),
  minimumTime: z.number().nonnegative(),
  maximumTime: z.number().nonnegative(),
  alpha: z.number(),
  errorRateMargin: z.number(),
  latencyRatioMargin: z.number(),
  businessMargin: z.number(),
});
export type JudgePolicy = z.infer<typeof judgePolicy>;

/** What a look had before it, besides the counts of both arms. */
export const judgeBasis = z.strictObject({
  /** This step alone: requests of its smaller arm, and how long it has been judged. */
  exposure: z.strictObject({ requests: z.int().nonnegative(), milliseconds: z.number() }),
  /** Microseconds that 95 % of the answers stayed below before the canary came; null until enough were seen. */
  latencyBound: z.number().nullable(),
  /** Pearson's dispersion of the canary's share of events over windows: 1 when requests fail one by one. */
  dispersion: z.strictObject({
    windows: z.int().nonnegative(),
    errors: z.number(),
    latency: z.number(),
  }),
  policy: judgePolicy,
});
export type JudgeBasis = z.infer<typeof judgeBasis>;

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
  basis: judgeBasis,
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

/** "Away from version N", which goes back once however often it is asked for, or "at once to version N". */
export const rollbackRequest = z.strictObject({
  /** By default the version that was released last. Where the champion is another one nothing is changed. */
  from: z.int().positive().optional(),
  to: z.int().positive().optional(),
  by: principalId,
  reason: z.string().min(1).max(2_000),
});
export type RollbackRequest = z.input<typeof rollbackRequest>;
