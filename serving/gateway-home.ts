import { randomBytes } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identifyProcess, isRunning, type ProcessIdentity } from '../runtime/process-identity.js';

/** A place of its own for one gateway process: under which name and number it logs, and where its journal lies. */
export interface GatewayHome {
  gateway: string;
  /** New at every start and larger than every one before. */
  epoch: number;
  folder: string;
  /** Lets the next process have the place. */
  leave(): Promise<void>;
}

/**
 * Takes the first free place under `<home>/gateway`: one that nobody has, or whose owner is dead; then its journal is ours to
 * replay. Several gateways on one machine thus get places 1, 2, 3 …
 */
export async function claimGatewayHome(
  home: string,
  installation: string,
  now: () => number = Date.now,
): Promise<GatewayHome> {
  for (let place = 1; ; place += 1) {
    await mkdir(join(home, 'gateway', String(place)), { recursive: true });
    const claimed = await claimPlace({ home, installation, place, now });
    if (claimed) return claimed;
  }
}

/** Takes, one after the other, the other places that nobody has any more: their journals would wait until as many gateways start again. */
export async function* claimDeserted(
  home: string,
  installation: string,
): AsyncIterable<GatewayHome> {
  const places = (await readdir(join(home, 'gateway'))).map(Number);
  for (const place of places.filter(Number.isInteger)) {
    const claimed = await claimPlace({ home, installation, place, now: Date.now });
    if (!claimed) continue;
    try {
      yield claimed;
    } finally {
      await claimed.leave();
    }
  }
}

async function claimPlace({
  home,
  installation,
  place,
  now,
}: {
  home: string;
  installation: string;
  place: number;
  now: () => number;
}): Promise<GatewayHome | undefined> {
  const folder = join(home, 'gateway', String(place));
  const owner = join(folder, 'owner.json');
  if (!(await claim(owner))) return undefined;
  const machine = await readOrWrite(join(home, 'gateway', 'id'), randomBytes(4).toString('hex'));
  return {
    gateway: `${installation}-${machine}-${place}`,
    epoch: await nextEpoch(join(folder, 'epoch'), now()),
    folder,
    leave: () => rm(owner, { force: true }),
  };
}

async function claim(owner: string): Promise<boolean> {
  const me = JSON.stringify(await identifyProcess(process.pid));
  if (await tryCreate(owner, me)) return true;
  const found = await readFile(owner, 'utf8').catch(() => '');
  if (found === '' || (await ownerRuns(found))) return false;
  // The dead owner's file is moved aside rather than overwritten: of two that find it, one moves it.
  const aside = `${owner}.${randomBytes(4).toString('hex')}`;
  try {
    await rename(owner, aside);
  } catch {
    return false;
  }
  await rm(aside);
  return tryCreate(owner, me);
}

async function ownerRuns(text: string): Promise<boolean> {
  try {
    return await isRunning(JSON.parse(text) as ProcessIdentity);
  } catch {
    return false;
  }
}

async function tryCreate(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readOrWrite(path: string, text: string): Promise<string> {
  await tryCreate(path, text);
  return readFile(path, 'utf8');
}

/** The clock gives the number, the file keeps it growing when the clock was set back. */
async function nextEpoch(path: string, now: number): Promise<number> {
  const before = Number(await readFile(path, 'utf8').catch(() => '0')) || 0;
  const epoch = Math.max(now, before + 1);
  await writeFile(`${path}.new`, String(epoch), { flush: true });
  await rename(`${path}.new`, path);
  return epoch;
}
