import { z } from 'zod';

/** Bytes with a unit of 1,024s: `512Mi`, `4Gi`. */
export const byteSize = z.string().regex(/^[1-9]\d{0,5}(Mi|Gi|Ti)$/, 'a size such as 512Mi or 4Gi');

/** A class of accelerators by a name of the installation, such as `a10` or `h100`; workers say which class they own. */
export const gpuClass = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a GPU class such as a10');

/** What one replica of a training asks of its machine. Left out, the backend's own limits hold. */
export const resources = z.strictObject({
  cpus: z.number().positive().max(1_024).optional(),
  /** Memory and swap together: a trainer above it is killed, and the delivery says so. */
  memory: byteSize.optional(),
  /** Size of /dev/shm, which data loaders of several processes share. */
  sharedMemory: byteSize.optional(),
  gpus: z.strictObject({ class: gpuClass, count: z.int().min(1).max(64) }).optional(),
});
export type Resources = z.infer<typeof resources>;

/** A container image by tag or digest; a tag is resolved to a digest once, when the spec is applied. */
export const imageReference = z
  .string()
  .max(500)
  .regex(
    /^[a-z0-9][a-z0-9._/:-]*[a-z0-9](@sha256:[0-9a-f]{64})?$/,
    'an image such as registry/name:tag or name@sha256:…',
  );

/** Whether a reference will always mean the same image: `name@sha256:…`, or an engine's own id `sha256:…`. */
export function isPinned(reference: string): boolean {
  return /sha256:[0-9a-f]{64}$/.test(reference);
}

const units = { Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** Bytes of a size such as `4Gi`. */
export function bytes(size: string): number {
  const unit = size.slice(-2) as keyof typeof units;
  return Number(size.slice(0, -2)) * units[unit];
}
