import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { createFolderArtifacts } from '../../runtime/artifacts-folder.js';

const folders: string[] = [];

/** A folder of its own, gone when the test file's process ends: so it may be made in a test, a hook or the file's head alike. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  if (folders.push(folder) === 1) process.once('exit', removeFolders);
  return folder;
}

export async function temporaryArtifacts(): Promise<ArtifactStore> {
  return createFolderArtifacts(await temporaryFolder());
}

function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
