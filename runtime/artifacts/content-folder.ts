import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { PerennialError } from '../../contracts/errors.js';
import { keptAnewAfter } from '../artifacts.js';
import { sha256OfFile } from '../digest.js';

export interface Content {
  sha256: string;
  bytes: number;
}

/** Files named by the digest of what is in them, under `<root>/sha256/<two digits>/`, read-only and whole from the moment they can be seen. */
export interface ContentFolder {
  path(sha256: string): string;
  add(source: Readable): Promise<Content>;
  /** The file's path once its bytes are known to match. Throws ARTIFACT_NOT_FOUND or ARTIFACT_CORRUPT. */
  verified(sha256: string): Promise<string>;
  has(sha256: string): Promise<boolean>;
  list(): AsyncIterable<Content & { modifiedAt: Date }>;
  /** False when it was added after `unlessKeptSince`. */
  remove(sha256: string, unlessKeptSince?: Date): Promise<boolean>;
}

export function createContentFolder(root: string): ContentFolder {
  const path = (sha256: string) => join(root, 'sha256', sha256.slice(0, 2), sha256);
  /** What was verified once and has not been touched since is not read again. */
  const known = new Map<string, string>();
  const newDraft = () => join(root, 'drafts', randomBytes(8).toString('hex'));

  return {
    path,
    add: async (source) => {
      const draft = newDraft();
      await mkdir(dirname(draft), { recursive: true });
      try {
        const content = await writeDurably(draft, source);
        await publish(draft, path(content.sha256), content.bytes);
        return content;
      } finally {
        await rm(draft, { force: true });
      }
    },
    verified: async (sha256) => {
      const file = path(sha256);
      const look = await glance(file);
      if (look === undefined) {
        throw new PerennialError(
          'ARTIFACT_NOT_FOUND',
          `There is no artifact ${sha256} in ${root}.`,
        );
      }
      if (known.get(sha256) === look.print) return file;
      const found = await sha256OfFile(file);
      if (found !== sha256) {
        throw new PerennialError('ARTIFACT_CORRUPT', `${file} holds bytes with digest ${found}.`);
      }
      known.set(sha256, look.print);
      return file;
    },
    has: async (sha256) => (await glance(path(sha256))) !== undefined,
    list: () => listFiles(join(root, 'sha256')),
    remove: async (sha256, unlessKeptSince) => {
      known.delete(sha256);
      await mkdir(join(root, 'drafts'), { recursive: true });
      return removeFile(path(sha256), newDraft(), unlessKeptSince);
    },
  };
}

async function writeDurably(path: string, source: Readable): Promise<Content> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o444);
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

/**
 * Shows the draft under its name. A file that is there already has the same bytes, unless a crash cut it short: then it is replaced, and so
 * is an old one, which somebody may be about to remove.
 */
async function publish(draft: string, target: string, bytes: number): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  try {
    await link(draft, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const found = await glance(target);
    const fresh = Date.now() - keptAnewAfter;
    if (found?.bytes !== bytes || found.modifiedAt < fresh) await rename(draft, target);
  }
  const folder = await open(dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Takes the file out of sight first: one that was put in its place meanwhile is left alone, one that is too new is shown again. */
async function removeFile(path: string, aside: string, unlessKeptSince?: Date): Promise<boolean> {
  const found = await glance(path);
  if (!found) return true;
  if (unlessKeptSince && found.modifiedAt > unlessKeptSince.getTime()) return false;
  try {
    await rename(path, aside);
    const taken = await glance(aside);
    const tooNew = unlessKeptSince && taken && taken.modifiedAt > unlessKeptSince.getTime();
    if (tooNew) await link(aside, path).catch(unlessThere);
    return !tooNew;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function glance(
  path: string,
): Promise<{ bytes: number; modifiedAt: number; print: string } | undefined> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return { bytes: size, modifiedAt: mtimeMs, print: `${ino} ${size} ${mtimeMs}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function* listFiles(folder: string): AsyncGenerator<Content & { modifiedAt: Date }> {
  const entries = await opendir(folder, { recursive: true }).catch(() => []);
  for await (const entry of entries) {
    if (!entry.isFile()) continue;
    const { size, mtime } = await stat(join(entry.parentPath, entry.name));
    yield { sha256: entry.name, bytes: size, modifiedAt: mtime };
  }
}
