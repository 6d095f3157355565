import { z } from 'zod';
import { artifactRef, sha256 } from './names.js';
import { imageReference, resources } from './resources.js';

/** One attempt as a backend gets it. `key` names it everywhere and makes `submit` idempotent. */
export const trainingJob = z.strictObject({
  key: z.string().regex(/^perennial-[0-9a-f]{12}-\d+$/),
  model: z.string(),
  delivery: z.int().positive(),
  attempt: z.int().positive(),
  trainer: z.string(),
  hyperparameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  seed: z.int().nonnegative(),
  /** Features in the order and with the types of the signature. */
  features: z.array(z.strictObject({ name: z.string(), type: z.enum(['number', 'category']) })),
  channels: z.strictObject({ train: artifactRef, holdout: artifactRef }),
  labels: z.record(z.string(), z.string()),
  /** By digest; backends without containers have no use for it. */
  image: imageReference.optional(),
  resources: resources.optional(),
  replicas: z.int().positive().optional(),
  /** The GPUs of its machine that it holds, by the driver's numbers; left out, the backend picks. */
  devices: z.array(z.int().nonnegative()).optional(),
  /** Variables that the trainer gets beside the backend's own; never a secret. */
  environment: z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/), z.string()).optional(),
  /** The manifest of a kept checkpoint to start from (contracts/checkpoint.ts). */
  checkpoint: artifactRef.optional(),
});
export type TrainingJob = z.infer<typeof trainingJob>;

/** Where a job is, as a backend sees it. `gone` means that nothing by that key was ever started or its traces were removed. */
export const jobStatus = z.discriminatedUnion('state', [
  /** Asked for, but not started: no machine has room, or its queue holds it back. No clock of the training runs. */
  z.strictObject({ state: z.literal('waiting'), reason: z.string() }),
  z.strictObject({ state: z.literal('running'), startedAt: z.string() }),
  z.strictObject({
    state: z.literal('exited'),
    code: z.int(),
    outOfMemory: z.boolean(),
    startedAt: z.string(),
    finishedAt: z.string(),
    /** What it ran in, by digest or id, where it ran in a container. */
    image: z.string().optional(),
    /** The engine's own sentence where it ended the job and not the trainer: evicted, deadline, node lost. */
    reason: z.string().optional(),
  }),
  z.strictObject({ state: z.literal('gone') }),
]);
export type JobStatus = z.infer<typeof jobStatus>;

/** One line of `/opt/ml/output/progress.jsonl`. */
export const progressLine = z.object({
  step: z.int32().nonnegative(),
  total: z.int32().positive().optional(),
  metrics: z.record(z.string().regex(/^[\w .:/@-]{1,120}$/), z.number()).default({}),
  message: z.string().max(1_000).optional(),
  time: z.string().optional(),
});
export type ProgressLine = z.infer<typeof progressLine>;

/** `/opt/ml/output/manifest.json`, written last by the trainer. Paths are relative to `/opt/ml/model/` and may not leave it. */
export const trainerManifest = z.strictObject({
  schemaVersion: z.literal(1),
  files: z
    .array(z.strictObject({ path: z.string().min(1), sha256, bytes: z.int().positive() }))
    .min(1),
  /** Path of the ONNX file among `files`. */
  model: z.string(),
  signature: z.strictObject({
    inputs: z.array(
      z.strictObject({
        name: z.string(),
        datatype: z.enum(['FP32', 'BYTES']),
        shape: z.array(z.int()),
      }),
    ),
    outputs: z.array(
      z.strictObject({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) }),
    ),
  }),
  metrics: z.record(z.string(), z.number()),
  framework: z.record(z.string(), z.string()),
  /** Digest of the locked requirements or of the image. */
  environment: z.string(),
  seed: z.int().nonnegative(),
});
export type TrainerManifest = z.infer<typeof trainerManifest>;

/** Code of the error catalogue for an attempt that came to nothing; `code` beside it is the exit code. */
const trainingError = z.enum([
  'TRAINING_FAILED',
  'TRAINING_HUNG',
  'MANIFEST_INVALID',
  'BUDGET_EXCEEDED',
  'TRIAL_PRUNED',
  'METRIC_UNKNOWN',
]);

/** What supervision hands to the workflow. Judged from the exit code, never from stdout. */
export const trainingOutcome = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('succeeded'),
    model: artifactRef,
    manifest: artifactRef,
    metrics: z.record(z.string(), z.number()),
    environment: z.string(),
    /** By digest or id, as the engine told it: not the trainer's own word. */
    image: z.string().optional(),
    seconds: z.number(),
  }),
  z.strictObject({
    kind: z.literal('retry'),
    code: z.int(),
    reason: z.string(),
    error: trainingError.optional(),
    /** It was stopped for a more urgent training, which is no failure of its own: the attempt does not count. */
    preempted: z.literal(true).optional(),
  }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.int(),
    reason: z.string(),
    error: trainingError.optional(),
  }),
]);
export type TrainingOutcome = z.infer<typeof trainingOutcome>;

/**
 * Heartbeat details of the supervising activity; a new worker resumes from them. An older one's lack the later fields, and what a newer one
 * has beside is passed over.
 */
export const supervision = z.object({
  key: z.string(),
  step: z.int().nonnegative(),
  total: z.int().positive().nullable(),
  /** Share that is done, where the trainer says of how many steps. */
  progress: z.number().min(0).max(1).nullable().default(null),
  /** When the step was last seen to move; milliseconds since 1970. */
  steppedAt: z.int().nullable().default(null),
  /** Name of the newest checkpoint in the artifact store. */
  checkpoint: z.string().nullable().default(null),
  /** Byte offset into the progress file that has been stored. */
  progressOffset: z.int().nonnegative(),
  /** Byte offset into the trainer's output that has been stored; of several replicas into that of rank 0. */
  logOffset: z.int().nonnegative(),
  /** The same of the other replicas, from rank 1 on. */
  replicaOffsets: z.array(z.int().nonnegative()).default([]),
  message: z.string(),
});
export type Supervision = z.infer<typeof supervision>;
