import { lstat, realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import { trainerManifest, type TrainerManifest, type TrainingJob } from '../contracts/training.js';
import { sha256OfFile } from '../runtime/digest.js';
import { outputFiles } from './job-folder.js';
import { readPlainFile } from './plain-file.js';

const largestManifest = 1 << 20;

export interface VerifiedManifest {
  manifest: TrainerManifest;
  manifestPath: string;
  modelPath: string;
}

const datatypes = { number: 'FP32', category: 'BYTES' } as const;

/**
 * Reads what a trainer hands over and believes nothing: the form, that each file lies inside `model/`, its size and digest,
 * and that the signature's inputs are the features that were asked for. Throws MANIFEST_INVALID.
 */
export async function verifyManifest(
  root: string,
  job: Pick<TrainingJob, 'features' | 'seed'>,
): Promise<VerifiedManifest> {
  const manifestPath = join(root, outputFiles.manifest);
  const manifest = await readManifest(manifestPath);
  for (const file of manifest.files) await verifyFile(join(root, 'model'), file);
  if (!manifest.files.some((file) => file.path === manifest.model))
    throw invalid(`names the model ${manifest.model}, which is not among its files`);
  const expected = job.features.map(({ name, type }) => `${name} ${datatypes[type]}`).join(', ');
  const found = manifest.signature.inputs.map((each) => `${each.name} ${each.datatype}`).join(', ');
  if (found !== expected)
    throw invalid(`has a signature with the inputs ${found}; the spec has ${expected}`);
  if (manifest.seed !== job.seed)
    throw invalid(`says it was trained with seed ${manifest.seed}; asked was ${job.seed}`);
  return { manifest, manifestPath, modelPath: join(root, 'model', manifest.model) };
}

async function readManifest(path: string): Promise<TrainerManifest> {
  const bytes = await readPlainFile(path, largestManifest + 1);
  if (!bytes) throw invalid('is missing although the trainer exited with 0');
  if (bytes.length > largestManifest) throw invalid(`is larger than ${largestManifest} bytes`);
  let content: unknown;
  try {
    content = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw invalid(`is not JSON (${(error as SyntaxError).message})`);
  }
  const parsed = trainerManifest.safeParse(content);
  if (!parsed.success) throw invalid(`is not as agreed: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

async function verifyFile(
  folder: string,
  { path, sha256, bytes }: TrainerManifest['files'][number],
): Promise<void> {
  const absolute = resolve(folder, path);
  const found = await lstat(absolute).catch(() => null);
  // A link is refused as such: it may point anywhere, and somewhere else a moment later.
  if (!absolute.startsWith(folder + sep) || !(await staysInside(folder, absolute)))
    throw invalid(`names ${path}, which lies outside model/`);
  if (!found) throw invalid(`names ${path}, which does not exist`);
  if (!found.isFile()) throw invalid(`names ${path}, which is not a plain file`);
  if (found.size !== bytes)
    throw invalid(`says that ${path} has ${bytes} bytes; it has ${found.size}`);
  const digest = await sha256OfFile(absolute);
  if (digest !== sha256)
    throw invalid(`says that the digest of ${path} is ${sha256}; it is ${digest}`);
}

/** False when a link on the way leads out; a missing file is judged by its folder's name alone. */
async function staysInside(folder: string, absolute: string): Promise<boolean> {
  const [inside, target] = await Promise.all(
    [folder, absolute].map((path) => realpath(path).catch(() => null)),
  );
  return !target || target.startsWith(`${inside}${sep}`);
}

function invalid(finding: string): PerennialError {
  return new PerennialError('MANIFEST_INVALID', `The trainer's output/manifest.json ${finding}.`);
}
