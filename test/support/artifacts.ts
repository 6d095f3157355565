import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { runFolder } from './run-folder.js';

/** A folder of its own, gone when the run ends. PostgreSQL may be started in it, also by root: it is open to other accounts. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(process.env[runFolder] ?? tmpdir(), 'test-'));
  await chmod(folder, 0o755);
  return folder;
}

export async function temporaryArtifacts(): Promise<ArtifactStore> {
  return createFolderArtifacts(await temporaryFolder());
}
