import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PerennialError } from '../../contracts/errors.js';
import type { PostgresBinaries } from './binaries.js';

const run = promisify(execFile);

/** The superuser's name, and that of the database we use. */
export const postgresUser = 'perennial';

/** The password of the cluster, made at the first call and readable by its owner alone. */
export async function keepPassword(path: string): Promise<string> {
  const fresh = randomBytes(24).toString('base64url');
  await writeFile(path, fresh, { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return (await readFile(path, 'utf8')).trim();
}

/** Makes the cluster under a draft name and renames it when whole, so that a kill in between leaves nothing half made. */
export async function makeCluster({
  binaries,
  place,
  data,
  password,
}: {
  binaries: PostgresBinaries;
  place: string;
  data: string;
  password: string;
}): Promise<void> {
  if (await readFile(join(data, 'PG_VERSION')).catch(() => undefined)) return;
  const draft = join(place, 'data.draft');
  const secret = join(place, 'data.secret');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await writeFile(secret, password, { mode: 0o600 });
  if (binaries.account) {
    const { uid, gid } = binaries.account;
    await Promise.all([chown(draft, uid, gid), chown(secret, uid, gid)]);
  }
  try {
    await run(
      binaries.initdb,
      [
        `--pgdata=${draft}`,
        `--username=${postgresUser}`,
        `--pwfile=${secret}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-instructions',
        '--no-sync',
      ],
      { ...binaries.account, cwd: place, env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } },
    );
  } catch (cause) {
    throw new PerennialError(
      'TOOL_MISSING',
      `PostgreSQL could not make its data folder ${data}: ${(cause as { stderr?: string }).stderr?.trim() ?? String(cause)}`,
      {},
      { cause },
    );
  } finally {
    await rm(secret, { force: true });
  }
  await rename(draft, data);
}
