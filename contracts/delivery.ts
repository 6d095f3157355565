import { z } from 'zod';
import { artifactRef, instant, modelName, principalId, sha256, timeWindow } from './names.js';
import { metricValues } from './evaluation.js';

export const trigger = z.enum(['manual', 'schedule', 'drift', 'performance', 'age', 'rollback']);
export type Trigger = z.infer<typeof trigger>;

export const stage = z.enum([
  'open',
  'ingest',
  'validate',
  'train',
  'evaluate',
  'register',
  'approve',
  'release',
  'watch',
  'done',
]);
export type Stage = z.infer<typeof stage>;

/** How a delivery ended. Everything but `promoted` leaves the champion where it was. */
export const deliveryOutcome = z.enum([
  'promoted',
  'contract-failed',
  'training-failed',
  'gate-failed',
  'rejected',
  'expired',
  'rolled-back',
  'cancelled',
  'failed',
]);
export type DeliveryOutcome = z.infer<typeof deliveryOutcome>;

export const ifRunning = z.enum(['join', 'refuse', 'supersede']);
export type IfRunning = z.infer<typeof ifRunning>;

/** What starts `deliverModel`: by the API, the monitor or a team's own Temporal client alike. */
export const deliverModelInput = z.strictObject({
  model: modelName,
  trigger: trigger.default('manual'),
  requestedBy: principalId,
  /** Digest of a registered spec; the model's current one when left out. */
  specDigest: sha256.optional(),
  /** Data to train on; the spec's window back from the newest row when left out. */
  window: timeWindow.optional(),
  /** Why, in a sentence: kept with the delivery. */
  reason: z.string().max(2_000).default(''),
});
export type DeliverModelInput = z.input<typeof deliverModelInput>;

export const startDelivery = deliverModelInput.extend({ ifRunning: ifRunning.default('join') });
export type StartDelivery = z.input<typeof startDelivery>;

export const startedDelivery = z.strictObject({
  model: modelName,
  workflowId: z.string(),
  runId: z.string(),
  joined: z.boolean(),
});
export type StartedDelivery = z.infer<typeof startedDelivery>;

/** A delivery as the database remembers it. */
export const deliveryView = z.strictObject({
  model: modelName,
  number: z.int().positive(),
  workflowId: z.string(),
  runId: z.string(),
  trigger,
  requestedBy: principalId,
  reason: z.string(),
  stage,
  outcome: deliveryOutcome.nullable(),
  /** Why it ended so, in a sentence with numbers. */
  explanation: z.string(),
  specDigest: sha256,
  version: z.int().positive().nullable(),
  openedAt: instant,
  closedAt: instant.nullable(),
  /** Seconds by stage, as far as it has come. */
  seconds: z.record(z.string(), z.number()),
});
export type DeliveryView = z.infer<typeof deliveryView>;

/** An immutable model artefact with where it came from. */
export const versionView = z.strictObject({
  model: modelName,
  version: z.int().positive(),
  delivery: z.int().positive(),
  artifact: artifactRef,
  evidence: sha256,
  metrics: metricValues,
  lineage: z.strictObject({
    specDigest: sha256,
    snapshotDigest: sha256,
    trainSha256: sha256,
    holdoutSha256: sha256,
    evaluationSha256: sha256,
    codeRevision: z.string(),
    trainer: z.string(),
    trainerEnvironment: z.string(),
    /** The container's image by digest or id; of a process there is none. */
    trainerImage: z.string().optional(),
    /** The spec's own, and those that its trial was given. */
    parameters: z.record(z.string(), z.unknown()),
    /** Which trial of the delivery's search it was; left out where nothing was searched. */
    trial: z.int().positive().optional(),
    seed: z.int(),
  }),
  aliases: z.array(z.string()),
  createdAt: instant,
});
export type VersionView = z.infer<typeof versionView>;
