import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Lends a fresh folder and removes it afterwards, whatever happens. What a killed process leaves behind lies under `parent`. */
export async function inWorkFolder<T>(
  parent: string,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'dataset-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Removes what killed processes left in work folders before a moment; the number of folders. None where `parent` does not exist. */
export async function expireWorkFolders(parent: string, before: Date): Promise<number> {
  const names = await readdir(parent).catch(() => []);
  let removed = 0;
  for (const name of names.filter((each) => each.startsWith('dataset-'))) {
    const folder = join(parent, name);
    const found = await stat(folder).catch(() => null);
    if (!found || found.mtime >= before) continue;
    await rm(folder, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}
