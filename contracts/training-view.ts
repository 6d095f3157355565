import { z } from 'zod';
import { instant, modelName } from './names.js';
import { resources } from './resources.js';

/** How far an attempt is, by its own word. */
export const attemptProgress = z.strictObject({
  step: z.int().nonnegative(),
  total: z.int().positive().nullable(),
  message: z.string(),
  /** Where the trainer said how long it will still take. */
  remainingSeconds: z.int().nonnegative().nullable(),
  at: instant,
});
export type AttemptProgress = z.infer<typeof attemptProgress>;

/** One metric by step, in order. Of a long one the first, the last and each stretch's lowest and highest point are told. */
export const curve = z.strictObject({
  name: z.string(),
  points: z.array(z.strictObject({ step: z.int().nonnegative(), value: z.number() })),
});
export type Curve = z.infer<typeof curve>;

/** One GPU over an attempt, as far as its driver tells; null where it does not. */
export const gpuUsage = z.strictObject({
  device: z.string(),
  name: z.string(),
  samples: z.int().positive(),
  /** Per cent of the time in which something ran, on average over the looks. */
  utilisation: z.number().nullable(),
  memoryPeakMib: z.number().nullable(),
  memoryTotalMib: z.number().nullable(),
  watts: z.number().nullable(),
  joules: z.number().nullable(),
  lastAt: instant,
});
export type GpuUsage = z.infer<typeof gpuUsage>;

export const attemptView = z.strictObject({
  attempt: z.int().positive(),
  key: z.string(),
  backend: z.string(),
  startedAt: instant,
  endedAt: instant.nullable(),
  /** Null while it runs. */
  outcome: z
    .strictObject({
      kind: z.enum(['succeeded', 'retry', 'failed']),
      /** Exit code; 0 where it succeeded. */
      code: z.int(),
      reason: z.string(),
    })
    .nullable(),
  progress: attemptProgress.nullable(),
  curves: z.array(curve),
  gpus: z.array(gpuUsage),
});
export type AttemptView = z.infer<typeof attemptView>;

/** The training of one delivery, attempt by attempt. */
export const trainingView = z.strictObject({
  model: modelName,
  delivery: z.int().positive(),
  /** What the spec asks of a machine; null where it asks for nothing. */
  resources: resources.nullable(),
  attempts: z.array(attemptView),
});
export type TrainingView = z.infer<typeof trainingView>;
