import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.tools/peers');
const lock = join(root, 'scripts/benchmarks/peers.lock');
const pythons = ['python3', 'python3.13', 'python3.12', 'python3.11'];

export interface Peers {
  python: string;
  /** Version of a peer, as the lock pins it. */
  version: (name: string) => string;
}

/** The peers' Python environment, installed by the first call; a sentence where this machine cannot have it. */
export async function preparePeers(): Promise<Peers | { skipped: string }> {
  const pins = await readFile(lock, 'utf8');
  const wanted = createHash('sha256').update(pins).digest('hex');
  const stamp = join(folder, '.perennial-stamp');
  const python = join(folder, 'bin/python');
  const found = await readFile(stamp, 'utf8').catch(() => '');
  if (found !== wanted) {
    const problem = await install(python);
    if (problem !== null) return { skipped: problem };
    await writeFile(stamp, wanted);
  }
  const versions = new Map(
    [...pins.matchAll(/^([\w-]+)==(\S+)$/gm)].map(([, name = '', version = '']) => [name, version]),
  );
  return { python, version: (name) => `${name} ${versions.get(name) ?? 'unknown'}` };
}

async function install(python: string): Promise<string | null> {
  const system = await findPython();
  if (system === undefined) return 'no Python with its venv module was found';
  process.stderr.write('  installing the peers into .tools/peers …\n');
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run(system, ['-m', 'venv', folder]);
    const asked = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', lock];
    await run(python, asked, { maxBuffer: 2 ** 26 });
    return null;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1);
    const reason = said ?? String(error);
    return `the peers could not be installed: ${reason.replaceAll(root, '.')}`;
  }
}

async function findPython(): Promise<string | undefined> {
  for (const python of pythons) {
    const test = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))';
    const works = await run(python, ['-c', test]).then(
      () => true,
      () => false,
    );
    if (works) return python;
  }
  return undefined;
}

/** The interpreter with the trainers' packages, which scripts/setup makes. */
export async function trainerPython(): Promise<string> {
  const python = process.env['PERENNIAL_TRAINER_PYTHON'] ?? join(root, '.tools/trainer/bin/python');
  await access(python);
  return python;
}
