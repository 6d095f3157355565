import { randomUUID } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { chmod, copyFile, link, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  checkpointManifest,
  type CheckpointManifest,
  type KeptCheckpoint,
} from '../contracts/checkpoint.js';
import { PerennialError } from '../contracts/errors.js';
import type { ArtifactRef } from '../contracts/names.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { canonicalJson } from '../runtime/digest.js';

/** More is no checkpoint: a data set, or a mistake. */
const mostFiles = 10_000;

/** A file of the checkpoints folder; `print` changes with its content, as far as the file system tells. */
export interface CheckpointFile {
  path: string;
  print: string;
  bytes: number;
  modifiedAt: number;
}

/**
 * The plain files under a checkpoints folder, by path; none where there is no such folder. What begins with a dot at its top is a draft:
 * a trainer writes there and renames when it is whole. Links and pipes count as nothing.
 */
export async function surveyCheckpoints(folder: string): Promise<CheckpointFile[]> {
  const found: CheckpointFile[] = [];
  const walk = async (below: string): Promise<void> => {
    for (const { name } of await listFolder(join(folder, below))) {
      if (below === '' && name.startsWith('.')) continue;
      const path = below === '' ? name : `${below}/${name}`;
      const seen = await look(join(folder, path));
      if (seen?.isDirectory()) await walk(path);
      else if (seen?.isFile() && found.length < mostFiles) found.push(describe(path, seen));
    }
  };
  if ((await look(folder))?.isDirectory()) await walk('');
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Puts these files of a folder into the artifact store. Null when one of them changed meanwhile: then nothing is known of what was read.
 * `known` remembers, by print, what is in the store already. Keeping the same again is harmless: the store finds the bytes.
 */
export async function keepCheckpoint(
  { folder, files, step }: { folder: string; files: CheckpointFile[]; step: number },
  artifacts: ArtifactStore,
  known: Map<string, ArtifactRef>,
): Promise<KeptCheckpoint | null> {
  const contents: CheckpointManifest['files'] = [];
  for (const file of files) {
    const content = known.get(file.print) ?? (await keepSteady(folder, file, artifacts));
    if (!content) return null;
    known.set(file.print, content);
    contents.push({ path: file.path, content });
  }
  const manifest: CheckpointManifest = { schemaVersion: 1, files: contents };
  const [newest] = files.toSorted((a, b) => b.modifiedAt - a.modifiedAt);
  return {
    name: newest?.path.split('/')[0] ?? '',
    step,
    manifest: await artifacts.keepBytes(canonicalJson(manifest), 'checkpoint'),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/**
 * Makes sure that a kept checkpoint is whole, down to the digest of each file, and says what is in it. Throws CHECKPOINT_CORRUPT where it
 * is not; what else the store throws is its own trouble and passes.
 */
export async function verifyCheckpoint(
  manifest: ArtifactRef,
  artifacts: ArtifactStore,
): Promise<CheckpointManifest> {
  try {
    const parsed = checkpointManifest.safeParse(await artifacts.readJson(manifest));
    if (!parsed.success) throw corrupt(manifest, 'its manifest is not of the known form');
    for (const { content } of parsed.data.files) await artifacts.localPath(content);
    return parsed.data;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code !== 'ARTIFACT_CORRUPT' && code !== 'ARTIFACT_NOT_FOUND') throw error;
    throw corrupt(manifest, (error as Error).message);
  }
}

/** Lays a kept checkpoint down in a folder, for a trainer to go on from. Throws CHECKPOINT_CORRUPT. */
export async function restoreCheckpoint(
  manifest: ArtifactRef,
  artifacts: ArtifactStore,
  folder: string,
): Promise<void> {
  const { files } = await verifyCheckpoint(manifest, artifacts);
  for (const { path, content } of files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(await artifacts.localPath(content), target, constants.COPYFILE_FICLONE);
    // The store's own files are read-only; a trainer may write on in its own.
    await chmod(target, 0o644);
  }
}

/**
 * Keeps one file under a second name of ours, which a trainer can neither replace nor turn into a link to elsewhere while it is read.
 * Null when it is not, or no longer, the file that was surveyed.
 */
async function keepSteady(
  folder: string,
  { path, print }: CheckpointFile,
  artifacts: ArtifactStore,
): Promise<ArtifactRef | null> {
  const found = join(folder, path);
  const held = join(dirname(dirname(folder)), `.held-${randomUUID()}`);
  const steady = await link(found, held).then(
    () => held,
    // A file system without such names, or a file of another account.
    () => found,
  );
  const isSame = async () => {
    const now = await look(steady);
    return now?.isFile() === true && describe(path, now).print === print;
  };
  try {
    if (!(await isSame())) return null;
    const content = await artifacts.keepFile(steady, 'checkpoint');
    return (await isSame()) ? content : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !(await isSame())) return null;
    throw error;
  } finally {
    await rm(held, { force: true });
  }
}

function describe(path: string, seen: BigIntStats): CheckpointFile {
  const { dev, ino, size, mtimeNs } = seen;
  return {
    path,
    print: [dev, ino, size, mtimeNs].join(' '),
    bytes: Number(size),
    modifiedAt: Number(mtimeNs),
  };
}

async function look(path: string): Promise<BigIntStats | null> {
  return lstat(path, { bigint: true }).catch(unlessGone(null));
}

async function listFolder(path: string) {
  return readdir(path, { withFileTypes: true }).catch(unlessGone([]));
}

/** Trainers clear old checkpoints away while we look. */
function unlessGone<T>(instead: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return instead;
    throw error;
  };
}

function corrupt(manifest: ArtifactRef, finding: string): PerennialError {
  return new PerennialError(
    'CHECKPOINT_CORRUPT',
    `The checkpoint ${manifest.sha256.slice(0, 12)} is not what it was: ${finding}`,
    { checkpoint: manifest.sha256 },
  );
}
