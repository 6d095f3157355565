import { z } from 'zod';
import { gpuClass } from '../contracts/resources.js';

/** `a10:4` or `a10:4,h100:2`: classes with how many there are. Numbers of devices go on from class to class, in the order of the driver. */
export const ownedGpus = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,31}:[1-9]\d?(,[a-z0-9][a-z0-9-]{0,31}:[1-9]\d?)*$/,
    'classes with how many GPUs there are: a10:4,h100:2',
  )
  .transform((text) => {
    let next = 0;
    return text.split(',').map((part) => {
      const [name, count] = part.split(':');
      const first = next;
      next += Number(count);
      return {
        class: gpuClass.parse(name),
        devices: Array.from({ length: Number(count) }, (_, at) => first + at),
      };
    });
  })
  .refine((owned) => new Set(owned.map((each) => each.class)).size === owned.length, {
    error: 'each class once',
  });

/** The same as text, for a process that is told by its environment; undefined where there are none. */
export function tellOwnedGpus(owned: z.infer<typeof ownedGpus>): string | undefined {
  return (
    owned.map(({ class: name, devices }) => `${name}:${devices.length}`).join(',') || undefined
  );
}
