import { z } from 'zod';

/** What is read of the API server's objects; all else in them passes unseen. Times are as it writes them. */
const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: z.string().nullish(),
});
export type Condition = z.infer<typeof condition>;

const metadata = z.object({
  name: z.string(),
  uid: z.string(),
  labels: z.record(z.string(), z.string()).default({}),
  annotations: z.record(z.string(), z.string()).default({}),
  creationTimestamp: z.string(),
  deletionTimestamp: z.string().nullish(),
});

export const jobObject = z.object({
  metadata,
  spec: z.object({
    suspend: z.boolean().default(false),
    completions: z.int().default(1),
    template: z
      .object({ spec: z.object({ containers: z.array(z.object({ image: z.string() })) }) })
      .optional(),
  }),
  status: z.object({ conditions: z.array(condition).default([]) }).prefault({}),
});
export type JobObject = z.infer<typeof jobObject>;

const terminated = z.object({
  exitCode: z.int(),
  reason: z.string().optional(),
  message: z.string().optional(),
  startedAt: z.string().nullish(),
  finishedAt: z.string().nullish(),
});
export type Terminated = z.infer<typeof terminated>;

const containerState = z.object({
  waiting: z.object({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.object({ startedAt: z.string().nullish() }).optional(),
  terminated: terminated.optional(),
});

export const podObject = z.object({
  metadata,
  status: z
    .object({
      phase: z.string().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      conditions: z.array(condition).default([]),
      containerStatuses: z
        .array(z.object({ name: z.string(), state: containerState.default({}) }))
        .default([]),
    })
    .prefault({}),
});
export type PodObject = z.infer<typeof podObject>;

export const listMetadata = z.object({
  resourceVersion: z.string(),
  continue: z.string().optional(),
});

/** One event of a watch; an ERROR carries a status in place of the object that is watched. */
export const watchEvent = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['ADDED', 'MODIFIED', 'DELETED']), object: podObject }),
  z.object({ type: z.literal('BOOKMARK') }),
  z.object({ type: z.literal('ERROR') }),
]);
