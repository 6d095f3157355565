/**
 * Starts one of our TypeScript mains: `node runtime/launch.mjs workers/main.ts pipeline`. What it runs was made from the sources of this
 * checkout once, in a folder named by their digest, so a changed source is never missed and a running process keeps what it was started with.
 * With `--build` it only makes it. Plain JavaScript, because nothing can be compiled before it runs.
 */
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const builds = join(root, '.tools', 'build');
/** What people and processes start: made together, for one who cannot write here may start any of them. */
const mains = [
  'cli/main.ts',
  'workers/main.ts',
  'api/main.ts',
  'serving/main.ts',
  'evaluation/score-worker.ts',
  ...readdirSync(join(root, 'scripts'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `scripts/${name}`),
];
/** Folders that hold no source of ours. */
const notOurs = ['node_modules', 'docs', 'examples', 'trainers', 'deploy'];
const day = 86_400_000;

const [asked, ...args] = process.argv.slice(2);
if (asked === undefined) {
  process.stderr.write(
    'Usage: node runtime/launch.mjs MAIN.ts [ARGUMENT…]\n       node runtime/launch.mjs --build\n',
  );
  process.exit(2);
}
if (asked === '--build') await prepare(mains);
else await launch(relative(root, resolve(asked)), args);

/** @param {string} main @param {string[]} argumentsOfMain */
async function launch(main, argumentsOfMain) {
  const built = await prepare(mains.includes(main) ? mains : [main]);
  const source = join(root, main);
  process.argv.splice(1, process.argv.length, source, ...argumentsOfMain);
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(join(built, main.replace(/\.ts$/, '.js'))).href);
}

/**
 * The folder of these mains, made where it is not there yet. Two processes may make it at once: the first rename stands.
 * @param {string[]} entryPoints
 */
async function prepare(entryPoints) {
  const folder = join(builds, digestOf(entryPoints));
  if (exists(folder)) return folder;
  const half = `${folder}.${process.pid}`;
  try {
    mkdirSync(half, { recursive: true });
    await bundle(entryPoints, half);
    renameSync(half, folder);
  } catch (error) {
    rmSync(half, { recursive: true, force: true });
    if (!exists(folder)) throw explained(error);
  }
  forgetOld();
  return folder;
}

/** @param {unknown} error */
function explained(error) {
  const { code } = /** @type {NodeJS.ErrnoException} */ (error);
  if (code !== 'EACCES' && code !== 'EROFS') return error;
  process.stderr.write(
    `perennial: cannot write to ${builds}: run ./scripts/setup as the checkout's owner, or copy the checkout to a folder of your own.\n`,
  );
  process.exit(1);
}

/** @param {string[]} entryPoints @param {string} outdir */
async function bundle(entryPoints, outdir) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints,
    outbase: '.',
    outdir,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    keepNames: true,
    sourcemap: 'linked',
    sourcesContent: false,
    logLevel: 'warning',
    plugins: [{ name: 'own-place', setup: (own) => own.onLoad({ filter: /\.ts$/ }, keepPlace) }],
  });
}

/**
 * A module goes on to find its files from where its source lies.
 * @param {{ path: string }} module
 * @returns {import('esbuild').OnLoadResult}
 */
function keepPlace({ path }) {
  const text = readFileSync(path, 'utf8');
  const place = `/${relative(root, path)}`;
  const url = `(import.meta.url.split('/.tools/build/')[0] + ${JSON.stringify(place)})`;
  return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
}

/** @param {string[]} entryPoints */
function digestOf(entryPoints) {
  const hash = createHash('sha256')
    .update(entryPoints.join())
    .update(readFileSync(import.meta.filename));
  hash.update(readFileSync(join(root, 'package-lock.json')));
  // Only a test's own main takes anything from there.
  const tests = entryPoints.some((path) => path.startsWith('test/')) ? [] : ['test'];
  for (const path of sources(root, new Set([...notOurs, ...tests])))
    hash.update(`\0${relative(root, path)}\0`).update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

/**
 * @param {string} folder
 * @param {Set<string>} passedOver
 * @returns {Generator<string>}
 */
function* sources(folder, passedOver) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith('.') || passedOver.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path, passedOver);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

/** @param {string} folder */
function exists(folder) {
  try {
    // Says that it is in use.
    utimesSync(folder, new Date(), new Date());
    return true;
  } catch {
    // Not there; or in somebody else's checkout, and there all the same.
    return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
  }
}

/** Builds that no process was started from for a week, but the newest five. */
function forgetOld() {
  readdirSync(builds)
    .map((name) => ({ path: join(builds, name), at: statSync(join(builds, name)).mtimeMs }))
    .toSorted((a, b) => b.at - a.at)
    .slice(5)
    .filter(({ at }) => at < Date.now() - 7 * day)
    .forEach(({ path }) => rmSync(path, { recursive: true, force: true }));
}
