import { PerennialError } from '../contracts/errors.js';
import { isPinned } from '../contracts/resources.js';
import type { Config } from '../runtime/config.js';

/** Says which image a spec means for ever. */
export type PinImage = (reference: string) => Promise<string>;

/**
 * Resolves a tag once, when the spec is applied: a retraining of next month runs in the image that was meant today. Throws
 * IMAGE_NOT_FOUND, and IMAGE_NOT_PINNED where no engine can be asked what a tag stands for. Processes have no image: nothing to resolve.
 * Where tags are refused, they are on every backend: a spec is then the same whoever applies it, and when.
 */
export function choosePinning({ training, docker, imageTags }: Config): PinImage | undefined {
  if (imageTags === 'refuse')
    return async (reference) => refuseTag(reference, 'PERENNIAL_IMAGE_TAGS is refuse');
  if (training === 'process') return undefined;
  if (training !== 'docker') return async (reference) => refuseTag(reference, 'no engine is asked');
  return async (reference) => {
    const { connectEngine } = await import('../training/docker/engine.js');
    const { resolveImage } = await import('../training/docker/image.js');
    return resolveImage(connectEngine(docker.host), reference).catch((error: unknown) => {
      if (error instanceof PerennialError && error.code === 'ENGINE_UNAVAILABLE')
        return refuseTag(reference, error.message);
      throw error;
    });
  };
}

function refuseTag(reference: string, reason: string): string {
  if (isPinned(reference)) return reference;
  throw new PerennialError(
    'IMAGE_NOT_PINNED',
    `training.image is ${reference}, a tag, and is not resolved here: ${reason}.`,
  );
}
