import { z } from 'zod';

/**
 * What a trainer reports over HTTP by the progress protocol of Kubeflow Trainer, as Hugging Face's `KubeflowCallback` sends it:
 * every number of `metrics` is a string there. A foreign shape, so that what we do not know is passed over and not refused.
 */
export const trainerReport = z.object({
  trainerStatus: z.object({
    progressPercentage: z.number().min(0).max(100).optional(),
    estimatedRemainingSeconds: z.number().min(0).max(1e9).optional(),
    metrics: z
      .array(
        z.object({
          name: z.string().max(200),
          value: z.union([z.string().max(100), z.number()]),
        }),
      )
      .max(200)
      .default([]),
  }),
});
export type TrainerReport = z.infer<typeof trainerReport>;

/** The answer: how far the attempt is by all it has said. */
export const reportTaken = z.strictObject({
  step: z.int().nonnegative(),
  total: z.int().positive().nullable(),
});
