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

/** One column of a request in the Open Inference Protocol v2, JSON: shape [N] or [N,1]. */
export interface InferTensor {
  name: string;
  shape: number[];
  datatype: 'FP32' | 'FP64' | 'INT32' | 'INT64' | 'BYTES';
  data: (number | string | null)[];
}

/** What an application asks. The gateway reads it by hand (serving/infer-request.ts): faster, and its sentences name the tensor. */
export interface InferRequest {
  /** Names the answer; made when left out. Several rows are named `id/0`, `id/1` … */
  id?: string;
  parameters?: {
    /** Key of what is predicted: decides the arm. The request id when left out. */
    entity?: string;
    /** ISO 8601; now when left out. */
    eventTime?: string;
  };
  inputs: InferTensor[];
}

export const inferAnswer = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string(),
  parameters: z.object({
    /** `direct`: the caller named the version. */
    role: z.enum([...armRole.options, 'direct']),
    revision: z.int(),
  }),
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.literal('FP32'),
      shape: z.array(z.int()),
      data: z.array(z.number()),
    }),
  ),
});
export type InferAnswer = z.infer<typeof inferAnswer>;

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
