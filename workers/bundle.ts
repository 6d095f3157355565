import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const root = fileURLToPath(new URL('..', import.meta.url));

/** All the workflow code in one file, made once for each content of its sources and found again after that. */
export async function prepareBundle(folder: string): Promise<{ codePath: string }> {
  const codePath = join(folder, `workflows-${await digestOfSources()}.js`);
  const kept = await readFile(codePath).catch(() => null);
  if (kept) return { codePath };
  await mkdir(folder, { recursive: true });
  // Two workers may start at once: each writes a file of its own, the last rename stands, the contents are the same.
  const half = `${codePath}.${process.pid}`;
  await writeFile(half, await bundleWorkflows(join(root, 'workflows/index.ts')));
  await rename(half, codePath);
  return { codePath };
}

/** Bundles a workflows file; webpack says only what went wrong. */
export async function bundleWorkflows(workflowsPath: string): Promise<string> {
  const quiet = () => {};
  const { code } = await bundleWorkflowCode({
    workflowsPath,
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

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as {
    version: string;
  };
  hash.update(version);
  for (const folder of ['workflows', 'contracts']) {
    for (const name of (await readdir(join(root, folder))).toSorted()) {
      hash.update(`\0${folder}/${name}\0`);
      hash.update(await readFile(join(root, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}
