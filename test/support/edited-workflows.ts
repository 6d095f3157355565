import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../../workers/bundle.js';
import { temporaryFolder } from './artifacts.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Edit {
  /** Below workflows/. */
  file: string;
  from: string;
  to: string;
}

/** The workflow bundle as it would be after these edits. Throws where one finds nothing to replace. */
export async function bundleEditedWorkflows(edits: Edit[]): Promise<string> {
  const folder = await temporaryFolder();
  for (const part of ['workflows', 'contracts'])
    await cp(join(root, part), join(folder, part), { recursive: true });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  await mkdir(join(folder, 'activities'));
  await cp(join(root, 'activities/index.ts'), join(folder, 'activities/index.ts'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  for (const { file, from, to } of edits) {
    const path = join(folder, 'workflows', file);
    const source = await readFile(path, 'utf8');
    if (!source.includes(from)) throw new Error(`There is no '${from}' in workflows/${file}`);
    await writeFile(path, source.replace(from, to));
  }
  return bundleWorkflows(join(folder, 'workflows/index.ts'));
}
