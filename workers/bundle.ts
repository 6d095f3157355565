import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = fileURLToPath(new URL('..', import.meta.url));

const tracing = 'workers/workflow-tracing';

/**
 * All the workflow code in one file, made once for each content of its sources and found again after that. `traced` adds spans and
 * changes no command: a history may go from one to the other.
 */
export async function prepareBundle(
  folder: string,
  { traced = false }: { traced?: boolean } = {},
): Promise<{ codePath: string }> {
  const sources = ['workflows', 'contracts', ...(traced ? [tracing] : [])];
  const codePath = join(folder, `workflows-${await digestOf(sources)}.js`);
  const kept = await readFile(codePath).catch(() => null);
  if (kept) return { codePath };
  await mkdir(folder, { recursive: true });
  // Two workers may start at once: each writes a file of its own, the last rename stands, the contents are the same.
  const half = `${codePath}.${process.pid}`;
  const interceptors = traced ? [join(root, tracing, 'interceptors.ts')] : [];
  await writeFile(half, await bundleWorkflows(join(root, 'workflows/index.ts'), interceptors));
  await rename(half, codePath);
  return { codePath };
}

/** Bundles a workflows file; webpack says only what went wrong. */
export async function bundleWorkflows(
  workflowsPath: string,
  workflowInterceptorModules: string[] = [],
): Promise<string> {
  const quiet = () => {};
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules,
    logger: {
      log: quiet,
      trace: quiet,
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (message) => process.stderr.write(`${message}\n`),
    },
  });
  return code;
}

async function digestOf(folders: string[]): Promise<string> {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as {
    version: string;
  };
  hash.update(version);
  for (const folder of folders) {
    for (const name of (await readdir(join(root, folder), { recursive: true })).toSorted()) {
      if (!name.endsWith('.ts')) continue;
      hash.update(`\0${folder}/${name}\0`);
      hash.update(await readFile(join(root, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
