import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { access, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PerennialError } from '../../contracts/errors.js';
import { connectEngine } from '../../training/docker/engine.js';

const startMs = 30_000;
const stopMs = 20_000;
/** containerd, which the engine starts and restarts. */
const supervisorPid = join('exec', 'containerd', 'containerd.pid');

/** Where an engine of our own listens, whose data lie in this folder. The path of a socket must be short. */
export function engineAddress(folder: string): string {
  return `unix://${folder}/engine.sock`;
}

/**
 * Starts an engine of our own: no bridge, no rules in the firewall, containers that outlive it. Needs root and `dockerd`. Started
 * again on the same folder it finds its containers. It finds programs in `tools` before all others. Throws TOOL_MISSING.
 */
export async function startEngine(folder: string, tools?: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  // A killed engine leaves them, and another process may have the numbers by now.
  for (const stale of ['engine.pid', supervisorPid]) await rm(join(folder, stale), { force: true });
  for (const driver of ['overlay2', 'vfs']) {
    if (await tryEngine(folder, driver, tools)) return;
    // Images of one driver are not there for the other: only a fresh folder may change it.
    if (await exists(join(folder, 'data', driver))) break;
  }
  throw new PerennialError(
    'TOOL_MISSING',
    `dockerd does not start here; ${join(folder, 'engine.log')} says why. It needs root; on Debian: apt-get install -y docker.io`,
  );
}

async function tryEngine(
  folder: string,
  driver: string,
  tools: string | undefined,
): Promise<boolean> {
  const log = openSync(join(folder, 'engine.log'), 'a');
  const child = spawn('dockerd', argumentsFor(folder, driver), {
    detached: true,
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: [tools, process.env['PATH']].filter(Boolean).join(':') },
  });
  closeSync(log);
  child.unref();
  let ended = false;
  child.once('error', () => (ended = true)).once('exit', () => (ended = true));
  const engine = connectEngine(engineAddress(folder));
  for (const deadline = Date.now() + startMs; Date.now() < deadline && !ended; await delay(50)) {
    if (await engine.ping().catch(() => false)) return true;
  }
  return false;
}

function argumentsFor(folder: string, driver: string): string[] {
  return [
    `--data-root=${join(folder, 'data')}`,
    `--exec-root=${join(folder, 'exec')}`,
    `--pidfile=${join(folder, 'engine.pid')}`,
    `--host=${engineAddress(folder)}`,
    `--storage-driver=${driver}`,
    '--iptables=false',
    '--ip6tables=false',
    '--bridge=none',
    '--live-restore',
    '--default-ulimit=nofile=1024:2048',
  ];
}

/** Process of the engine; null when none runs. */
async function enginePid(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, 'engine.pid'), 'utf8').catch(() => '');
  const pid = Number(text);
  return pid > 0 && (await commandOf(pid)).includes(folder) ? pid : null;
}

/** The engine as if the power had gone for it alone; its containers run on. */
export async function killEngine(folder: string): Promise<void> {
  const pid = await enginePid(folder);
  if (pid === null) return;
  process.kill(pid, 'SIGKILL');
  await untilGone(pid);
  // It goes down with its parent, a moment later.
  await untilGone(Number(await readFile(join(folder, supervisorPid), 'utf8')));
}

/** Ends the engine with its containers, mounts and data. A second run finds nothing. */
export async function stopEngine(folder: string): Promise<void> {
  const engine = connectEngine(engineAddress(folder));
  for (const { Id } of await engine.listContainers({ all: true }).catch(() => []))
    await engine.getContainer(Id).remove({ force: true });
  const pid = await enginePid(folder);
  if (pid !== null) {
    process.kill(pid, 'SIGTERM');
    await untilGone(pid);
  }
  // What is left has lost its engine: shims, and the supervisor of a killed one.
  for (const orphan of await processesOf(folder)) process.kill(orphan, 'SIGKILL');
  await unmountBelow(folder);
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function untilGone(pid: number): Promise<void> {
  for (const deadline = Date.now() + stopMs; Date.now() < deadline; await delay(20)) {
    if ((await commandOf(pid)) === '') return;
  }
}

async function processesOf(folder: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const commands = await Promise.all(
    pids.map(async (pid) => ((await commandOf(pid)).includes(`${folder}/`) ? [pid] : [])),
  );
  return commands.flat();
}

async function commandOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
}

async function unmountBelow(folder: string): Promise<void> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  const below = mounts.split('\n').flatMap((line) => line.split(' ')[1] ?? []);
  for (const mount of below.filter((path) => path.startsWith(`${folder}/`)).reverse())
    await promisify(execFile)('umount', ['--lazy', mount]).catch(() => {});
}
