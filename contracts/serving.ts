import { z } from 'zod';
import { instant, modelName, share } from './names.js';

export const armRole = z.enum(['champion', 'baseline', 'canary', 'shadow']);
export type ArmRole = z.infer<typeof armRole>;

/** Which version gets which share of a model's traffic. Append-only in the database; `revision` is the fencing token. */
export const route = z.strictObject({
  model: modelName,
  revision: z.int().positive(),
  /** Goes into the hash of the entity, so that two models do not split alike. */
  salt: z.string(),
  arms: z.array(z.strictObject({ version: z.int().positive(), share, role: armRole })).min(1),
});
export type Route = z.infer<typeof route>;

/** Open Inference Protocol v2, JSON. */
export const inferRequest = z.object({
  id: z.string().max(128).optional(),
  parameters: z
    .object({
      /** Key of what is predicted: decides the arm. The request id when left out. */
      entity: z.string().max(256).optional(),
      eventTime: instant.optional(),
    })
    .loose()
    .optional(),
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.int().nonnegative()).min(1).max(2),
        datatype: z.string(),
        parameters: z.record(z.string(), z.unknown()).optional(),
        data: z.array(z.unknown()),
      }),
    )
    .min(1),
  outputs: z.array(z.object({ name: z.string() }).loose()).optional(),
});
export type InferRequest = z.infer<typeof inferRequest>;

/** The truth about an answered prediction, by the id that the answer carried. */
export const labelsRequest = z.strictObject({
  labels: z
    .array(
      z.strictObject({
        id: z.string().min(1).max(128),
        label: z.union([z.literal(0), z.literal(1)]),
        eventTime: instant.optional(),
      }),
    )
    .min(1)
    .max(10_000),
});
export type LabelsRequest = z.infer<typeof labelsRequest>;

export const labelsAnswer = z.strictObject({ stored: z.int(), duplicates: z.int() });
