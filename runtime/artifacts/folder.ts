import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { ArtifactRef } from '../../contracts/names.js';
import type { ArtifactStore } from '../artifacts.js';
import { createContentFolder } from './content-folder.js';

/** Artifacts in a folder of this machine or of a share that all workers see. */
export function createFolderArtifacts(root: string): ArtifactStore {
  const folder = createContentFolder(root);
  const keep = async (source: Readable, kind: string): Promise<ArtifactRef> => {
    const { sha256, bytes } = await folder.add(source);
    const uri = `${pathToFileURL(folder.path(sha256)).href}#${kind}`;
    return { uri, sha256, bytes, schemaVersion: 1 };
  };
  const localPath = ({ sha256 }: ArtifactRef) => folder.verified(sha256);
  return {
    keepFile: (path, kind) => keep(createReadStream(path, { highWaterMark: 1 << 20 }), kind),
    keepBytes: (bytes, kind) => keep(Readable.from([Buffer.from(bytes)]), kind),
    localPath,
    readJson: async (ref) => JSON.parse(await readFile(await localPath(ref), 'utf8')) as unknown,
    has: (sha256) => folder.has(sha256),
    list: () => folder.list(),
    remove: (sha256, unlessKeptSince) => folder.remove(sha256, unlessKeptSince),
  };
}
