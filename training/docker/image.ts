import type Docker from 'dockerode';
import { PerennialError } from '../../contracts/errors.js';
import { isPinned } from '../../contracts/resources.js';
import { isRefusal, unavailable, unlessMissing, wordsOf } from './engine.js';

/** Sees to it that the engine has the image, pulling it where it has not. Throws IMAGE_NOT_FOUND. A second run finds it there. */
export async function ensureImage(engine: Docker, reference: string): Promise<void> {
  await inspectImage(engine, reference);
}

/**
 * The digest that a tag stands for now, as `name@sha256:…`, or as the engine's id where the image came from no registry. What is
 * pinned already comes back as it is. Throws IMAGE_NOT_FOUND.
 */
export async function resolveImage(engine: Docker, reference: string): Promise<string> {
  if (isPinned(reference)) return reference;
  const { Id, RepoDigests } = await inspectImage(engine, reference);
  const name = reference.replace(/:[^/:]*$/, '');
  return RepoDigests?.find((each) => each.startsWith(`${name}@`)) ?? Id;
}

async function inspectImage(engine: Docker, reference: string): Promise<Docker.ImageInspectInfo> {
  const image = engine.getImage(reference);
  const found = await unlessMissing(image.inspect());
  if (found) return found;
  // An id is no address: there is nowhere to pull it from.
  if (!reference.startsWith('sha256:')) await pull(engine, reference);
  const pulled = await unlessMissing(image.inspect());
  if (pulled) return pulled;
  throw new PerennialError('IMAGE_NOT_FOUND', `The engine has no image ${reference}.`);
}

async function pull(engine: Docker, reference: string): Promise<void> {
  // Pinned references are pulled as they are; without a tag the engine would fetch every one there is.
  const wanted =
    isPinned(reference) || /:[^/]*$/.test(reference) ? reference : `${reference}:latest`;
  try {
    const progress = await engine.pull(wanted);
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    if (isRefusal(error, 400, 401, 403, 404, 500) || !('code' in (error as object)))
      throw new PerennialError(
        'IMAGE_NOT_FOUND',
        `The engine has no image ${reference} and cannot pull it: ${wordsOf(error)}`,
      );
    throw unavailable(error);
  }
}
