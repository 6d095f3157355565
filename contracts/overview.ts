import { z } from 'zod';
import { approvalView, evidence } from './approval.js';
import { awaitedMoney } from './budget.js';
import { snapshotManifest } from './dataset.js';
import { deliveryOutcome, deliveryView, stage, versionView } from './delivery.js';
import { driftReport } from './drift.js';
import { instant, modelName, principalId, sha256 } from './names.js';
import { releaseStatuses } from './release-state.js';
import { releaseOutcome, releaseView } from './release.js';
import { route } from './serving.js';
import { trialView } from './search.js';
import { finding } from './verdict.js';

/** A spec as a person sends it: read from `model.yaml`, with its data contract beside it. */
export const applySpec = z.strictObject({
  spec: z.unknown(),
  contract: z.unknown(),
  /** Absolute folder that relative paths start from. */
  base: z.string().startsWith('/', 'must be an absolute folder').max(4_096),
  by: principalId,
});
export type ApplySpec = z.input<typeof applySpec>;

export const appliedSpec = z.strictObject({
  model: modelName,
  digest: sha256,
  /** False when exactly this spec was there already. */
  created: z.boolean(),
  /** True when the model had been retired: it is served and watched as before. */
  backInService: z.boolean(),
});
export type AppliedSpec = z.infer<typeof appliedSpec>;

/** A model in one line. */
export const modelSummary = z.strictObject({
  model: modelName,
  team: z.string(),
  owner: z.string(),
  specDigest: sha256.nullable(),
  champion: z.int().positive().nullable(),
  versions: z.int().nonnegative(),
  /** The delivery under way, or the last one. */
  delivery: z
    .strictObject({
      number: z.int(),
      stage,
      outcome: deliveryOutcome.nullable(),
      openedAt: instant,
    })
    .nullable(),
  awaitingApproval: z.boolean(),
  createdAt: instant,
  retiredAt: instant.nullable(),
  /** Since when nobody is answered; null while its champion, if it has one, answers. */
  offAirAt: instant.nullable(),
});
export type ModelSummary = z.infer<typeof modelSummary>;

export const modelDetail = z.strictObject({
  ...modelSummary.shape,
  description: z.string(),
  route: route.nullable(),
  approval: approvalView.nullable(),
  release: releaseView.nullable(),
  lastReport: driftReport.nullable(),
  recentDeliveries: z.array(deliveryView),
  recentVersions: z.array(versionView),
});
export type ModelDetail = z.infer<typeof modelDetail>;

/** One delivery with all that was judged on its way. */
export const deliveryDetail = z.strictObject({
  delivery: deliveryView,
  checks: z.array(finding),
  gates: z.array(finding),
  approval: approvalView.nullable(),
  release: releaseView.nullable(),
  /** The budget that its training waits for; left out while it waits for none. */
  money: awaitedMoney.optional(),
  /** An activity that failed and is tried again, by the words of its last failure; left out while none is. */
  failing: z
    .strictObject({ activity: z.string(), tries: z.int().positive(), message: z.string() })
    .optional(),
  /** Newest metrics of the last training attempt. */
  training: z
    .strictObject({
      attempt: z.int().positive(),
      /** Why the attempt before it came to nothing; null for a first one. A server of before says nothing. */
      retried: z.string().nullable().default(null),
      /** By the trainer's own word; null until it has told any. */
      step: z.int().nonnegative().nullable(),
      total: z.int().positive().nullable().default(null),
      metrics: z.record(z.string(), z.number()),
      /** What it waits for before it can begin, where it asks for GPUs; a server of before says nothing. */
      waits: z.string().nullable().default(null),
    })
    .nullable(),
});
export type DeliveryDetail = z.infer<typeof deliveryDetail>;

/** Where one version comes from: everything needed to build or doubt it again. */
export const lineage = z.strictObject({
  version: versionView,
  delivery: deliveryView,
  evidence,
  snapshot: z.strictObject({ digest: sha256, manifest: snapshotManifest }).nullable(),
  /** The prices its training was counted by; null where there were none. */
  priceBook: z.strictObject({ number: z.int().positive(), digest: sha256 }).nullable(),
  approval: approvalView.nullable(),
  gates: z.array(finding),
  /** All that the delivery's search tried, the one it was chosen from among them; a server of before says nothing. */
  trials: z.array(trialView).default([]),
});
export type Lineage = z.infer<typeof lineage>;

/**
 * Where a reading of the log stands: `attempt:offset`, of a search `trial:attempt:offset`; of several replicas the offset of each by
 * its rank, `1:2048,,512`, without that of one that was not read yet.
 */
export const logCursor = z
  .string()
  .regex(/^(\d{1,9}:)?\d{1,9}:\d{0,15}(,\d{0,15})*$/, 'a cursor looks like 1:2048');

export const logPage = z.strictObject({
  lines: z.array(
    z.strictObject({
      attempt: z.int(),
      /** Of the replica that said it; null where there is one alone. */
      rank: z.int().nullable(),
      /** Of its first byte in all that this replica said. */
      offset: z.int(),
      line: z.string(),
      at: instant,
    }),
  ),
  /** Give it as `since` to go on; the same as before when nothing was added. */
  next: logCursor,
  /** True when the delivery has ended and nothing more will come. */
  complete: z.boolean(),
});
export type LogPage = z.infer<typeof logPage>;

export const auditView = z.strictObject({
  sequence: z.int().positive(),
  at: instant,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
  hash: sha256,
});
export type AuditView = z.infer<typeof auditView>;

/** Whether the whole chain fits, and the sequence number of the first entry that does not. */
export const auditVerification = z.strictObject({
  ok: z.boolean(),
  firstBroken: z.int().positive().nullable(),
});
export type AuditVerification = z.infer<typeof auditVerification>;

const part = z.strictObject({ ok: z.boolean(), message: z.string() });

/** Whether the parts that the control API stands on answer, and what is going on. */
export const status = z.strictObject({
  ok: z.boolean(),
  database: part,
  temporal: part,
  models: z.int().nonnegative(),
  runningDeliveries: z.int().nonnegative(),
  awaitingApproval: z.int().nonnegative(),
  /** Classes of GPUs that trainings wait for and no worker serves. */
  unservedGpuClasses: z.array(z.string()).default([]),
});
export type Status = z.infer<typeof status>;

/** Answer to a command of a release: what it made of it. */
export const releaseAnswer = z.strictObject({
  model: modelName,
  status: z.enum(releaseStatuses),
  reason: z.string(),
});
export type ReleaseAnswered = z.infer<typeof releaseAnswer>;

/** Answer to a command of a monitor. */
export const monitorAnswer = z.strictObject({
  model: modelName,
  status: z.enum(['checking', 'waiting', 'paused', 'retired']),
});
export type MonitorAnswered = z.infer<typeof monitorAnswer>;

/** Answer to a rollback. `outcome` is null while it still runs, `unchanged` where there was nothing to go back from. */
export const rollbackStarted = z.strictObject({
  model: modelName,
  /** The release that was under way and was ended by it: how it ended, null while it still does. */
  ended: z
    .strictObject({ version: z.int().positive(), outcome: releaseOutcome.nullable() })
    .nullable(),
  from: z.int().positive().nullable(),
  /** Null where a first version was ended before it got any traffic: there is no champion. */
  to: z.int().positive().nullable(),
  workflowId: z.string(),
  /** Null where nothing was changed. */
  runId: z.string().nullable(),
  outcome: z.enum([...releaseOutcome.options, 'unchanged']).nullable(),
  explanation: z.string(),
});
export type RollbackStarted = z.infer<typeof rollbackStarted>;

export const retireRequest = z.strictObject({
  by: principalId,
  reason: z.string().max(2_000).default(''),
  /** Take it off the air, too: gateways answer that there is no such model, until it is applied again. */
  offAir: z.boolean().default(false),
});
export type RetireRequest = z.input<typeof retireRequest>;

export const retired = z.strictObject({
  model: modelName,
  retiredAt: instant,
  /** False when there was no monitor to stop. */
  monitorStopped: z.boolean(),
  /** The version that goes on answering; null when it was taken off the air, or never was on it. */
  answering: z.int().positive().nullable(),
  offAirAt: instant.nullable(),
});
export type Retired = z.infer<typeof retired>;

/** What every error of the HTTP doors looks like. */
export const errorAnswer = z.strictObject({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  requestId: z.string(),
  details: z.record(z.string(), z.unknown()).optional(),
});
export type ErrorAnswer = z.infer<typeof errorAnswer>;
