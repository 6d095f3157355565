import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';

/** A name as Kubernetes gives it to its objects. */
const objectName = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/);

const toleration = z.strictObject({
  key: z.string().exactOptional(),
  operator: z.enum(['Exists', 'Equal']).default('Equal'),
  value: z.string().exactOptional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).exactOptional(),
});

/** Where the pods of trainings may run and what they get there: the same for every training of an installation. */
export const placement = z.strictObject({
  /** Label of the nodes that names their class of GPUs, the one that `training.resources.gpus.class` asks for. */
  gpuLabel: z.string().min(1).default('perennial/gpu-class'),
  nodeSelector: z.record(z.string(), z.string()).default({}),
  tolerations: z.array(toleration).default([]),
  /** Kueue's WorkloadPriorityClass. */
  priorityClass: objectName.optional(),
  /** Secrets whose keys become environment variables of the trainer: by name, their values are never read here. */
  secrets: z.array(objectName).default([]),
  pullSecrets: z.array(objectName).default([]),
});
export type Placement = z.infer<typeof placement>;

/** Reads the file that PERENNIAL_KUBERNETES_PLACEMENT names; without one the defaults hold. Throws CONFIG_INVALID. */
export async function loadPlacement(file: string | undefined): Promise<Placement> {
  if (file === undefined) return placement.parse({});
  const invalid = (why: string, cause: unknown) =>
    new PerennialError('CONFIG_INVALID', `PERENNIAL_KUBERNETES_PLACEMENT: ${why}`, {}, { cause });
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw invalid(`${file} cannot be read.`, error);
  });
  let written: unknown;
  try {
    written = parse(content) ?? {};
  } catch (error) {
    throw invalid(`${file} is not YAML: ${(error as Error).message}`, error);
  }
  const parsed = placement.safeParse(written);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`${file}, at ${issue?.path.join('.') || 'top'}: ${issue?.message}.`, parsed.error);
}
