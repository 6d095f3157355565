import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * Copies a trainer's folder to `code/` below `/opt/ml`, where an image that brings no trainer of its own looks for one. It appears
 * whole: of two who lay it out the second finds the first one's.
 */
export async function layOutCode(root: string, trainer: string): Promise<void> {
  const draft = await mkdtemp(join(dirname(root), 'code.'));
  const filter = (source: string) => source === trainer || !isOwnBusiness(basename(source));
  await cp(trainer, draft, { recursive: true, dereference: true, filter });
  await rename(draft, join(root, 'code')).catch(async (error: NodeJS.ErrnoException) => {
    await rm(draft, { recursive: true });
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
}

/** Bytecode, repositories and environments belong to the place that they were made in. */
function isOwnBusiness(name: string): boolean {
  return name === '__pycache__' || name.startsWith('.');
}
