import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { PerennialError } from '../../contracts/errors.js';
import { digestOf, sha256OfFile } from '../../runtime/digest.js';
import { unlessMissing } from '../../training/docker/engine.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const writer = join(root, 'scripts/trainer-root.py');
const trainers = join(root, 'trainers');

/** As in trainers/tabular/Dockerfile. */
const configuration = [
  'ENTRYPOINT ["/opt/python/bin/python3", "-I", "/opt/trainer/start.py"]',
  'USER 10001',
  'WORKDIR /tmp',
  'ENV LD_LIBRARY_PATH=/opt/python/lib PYTHONUNBUFFERED=1',
];

/**
 * Makes the image of the tabular trainer from the trainers' own Python environment, without a base image to pull, and returns the
 * engine's id of it. `bare` leaves the packages out: enough for trainers of the standard library alone. The image is tagged by the
 * digest of all that goes into it, so that a second run finds it. Throws TOOL_MISSING.
 */
export async function importTrainerImage(
  engine: Docker,
  { python, bare = false }: { python: string; bare?: boolean },
): Promise<string> {
  const repo = bare ? 'perennial-trainer-bare' : 'perennial-trainer';
  const tag = (await digestOfParts(python)).slice(0, 16);
  const image = engine.getImage(`${repo}:${tag}`);
  const found = await unlessMissing(image.inspect());
  if (found) return found.Id;
  const child = spawn(python, [writer, ...(bare ? ['--bare'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [imported, [code]] = await Promise.all([
    engine.importImage(child.stdout, { fromSrc: '-', repo, tag, changes: configuration }),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  await drain(imported);
  if (code !== 0)
    throw new PerennialError('TOOL_MISSING', `${python} cannot lay out the trainer's image.`);
  return (await image.inspect()).Id;
}

async function digestOfParts(python: string): Promise<string> {
  const own = (await readdir(join(trainers, 'tabular'))).map((name) => join('tabular', name));
  const files = ['start.py', ...own.filter((name) => /\.(py|lock)$/.test(name)).toSorted()];
  const digests = await Promise.all(
    [writer, ...files.map((name) => join(trainers, name))].map(sha256OfFile),
  );
  return digestOf({ digests, configuration, python });
}

async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  stream.resume();
  await once(stream, 'end');
}
