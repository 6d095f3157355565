import { z } from 'zod';
import { artifactRef } from './names.js';

/** Where a file lay under `/opt/ml/checkpoints`: relative, and never above it. */
const checkpointPath = z
  .string()
  .min(1)
  .refine(
    (path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'),
    'a path inside the folder',
  );

/** All that lay under `/opt/ml/checkpoints` at one moment, file by file. Its own digest names the checkpoint. */
export const checkpointManifest = z.strictObject({
  schemaVersion: z.literal(1),
  files: z.array(z.strictObject({ path: checkpointPath, content: artifactRef })).min(1),
});
export type CheckpointManifest = z.infer<typeof checkpointManifest>;

/** A checkpoint as the artifact store keeps it. */
export const keptCheckpoint = z.strictObject({
  /** The entry of the folder that was written last. */
  name: z.string(),
  /** The last step that the trainer had told of when it was found. */
  step: z.int().nonnegative(),
  manifest: artifactRef,
  /** Of all its files together. */
  bytes: z.int().nonnegative(),
});
export type KeptCheckpoint = z.infer<typeof keptCheckpoint>;
