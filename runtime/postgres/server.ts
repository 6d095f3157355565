import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { PerennialError } from '../../contracts/errors.js';
import { findFreePort } from '../free-port.js';
import { identifyProcess, stopProcess, type ProcessIdentity } from '../process-identity.js';
import { lastWordsOf, startServerProcess } from '../server-process.js';
import { keepPassword, makeCluster, postgresUser as user } from './cluster.js';
import { findPostgresBinaries, reachableFolder, type PostgresBinaries } from './binaries.js';

const run = promisify(execFile);
const host = '127.0.0.1';
/** After a crash the server reads its log again before it answers, which may take minutes. */
const patience = 300_000;

export interface EmbeddedPostgres extends ProcessIdentity {
  url: string;
  address: string;
  /** Left running by a predecessor and taken over. */
  adopted: boolean;
  /** Where the data really lies: outside `folder` when root's folder is closed to the account PostgreSQL runs as. */
  dataFolder: string;
  stop: () => Promise<void>;
}

/**
 * Starts the PostgreSQL that npm brought, on loopback, with a password kept beside its data in `folder`; the first call makes the cluster. A server that a
 * killed predecessor left running on the same data is adopted. `throwaway` gives up durability for speed: for tests.
 */
export async function startPostgres({
  folder,
  port: wished = 0,
  stay = false,
  throwaway = false,
}: {
  folder: string;
  /** The usual port; a free one is taken where somebody has it. */
  port?: number;
  /** This port or none: for a restart, since everybody was told the address. */
  stay?: boolean;
  throwaway?: boolean;
}): Promise<EmbeddedPostgres> {
  const binaries = await findPostgresBinaries();
  const place = await reachableFolder(folder, binaries.account);
  const data = join(place, 'data');
  const password = await keepPassword(join(place, 'password'));
  const found = await findRunning(data);
  if (found && (await answers(urlOf(found.port, password), data))) {
    return handle({ ...found, data, password, adopted: true });
  }
  if (found) await stopProcess(found, { signal: 'SIGINT' });
  await makeCluster({ binaries, place, data, password });
  for (let attempt = 1; ; attempt += 1) {
    const port = stay ? wished : await findFreePort(host, attempt === 1 ? wished : 0);
    const started = await launch({ binaries, data, port, password, throwaway, folder });
    if (started) return handle({ ...started, port, data, password, adopted: false });
    if (attempt === 3) throw await refusal(folder);
    // The sessions of a killed server may need a moment to let go of its memory.
    await sleep(200 * attempt);
  }
}

function handle({
  pid,
  started,
  port,
  data,
  password,
  adopted,
}: ProcessIdentity & {
  port: number;
  data: string;
  password: string;
  adopted: boolean;
}): EmbeddedPostgres {
  return {
    pid,
    started,
    url: urlOf(port, password),
    address: `${host}:${port}`,
    adopted,
    dataFolder: data,
    // SIGINT is PostgreSQL's fast shutdown: it ends the sessions and writes a checkpoint.
    stop: () => stopProcess({ pid, started }, { signal: 'SIGINT', patience: 20_000 }),
  };
}

function urlOf(port: number, password: string): string {
  return `postgresql://${user}:${password}@${host}:${port}/${user}`;
}

/** The server that postmaster.pid names, if it still runs: line 1 is its pid, line 4 its port. */
async function findRunning(
  data: string,
): Promise<(ProcessIdentity & { port: number }) | undefined> {
  const lines = await readFile(join(data, 'postmaster.pid'), 'utf8').then(
    (text) => text.split('\n'),
    () => [],
  );
  const identity = await identifyProcess(Number(lines[0]));
  // After a power cut the pid may be somebody else's: whoever is not a postgres is left alone.
  const isPostgres = identity && (await commandOf(identity.pid)).includes('postgres');
  return isPostgres ? { ...identity, port: Number(lines[3]) } : undefined;
}

async function commandOf(pid: number): Promise<string> {
  const { stdout } = await run('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout || (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
}

/** Whether the server at this address takes our password and keeps its data where we do. */
async function answers(url: string, data: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
    return rows[0]?.data_directory === data;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Starts the server and waits until it answers; undefined when it ended first, as it does when somebody took the port. */
async function launch({
  binaries,
  data,
  port,
  password,
  throwaway,
  folder,
}: {
  binaries: PostgresBinaries;
  data: string;
  port: number;
  password: string;
  throwaway: boolean;
  folder: string;
}): Promise<ProcessIdentity | undefined> {
  const fast = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];
  const options = [
    `listen_addresses=${host}`,
    `port=${port}`,
    // No socket file: its path may not exceed 107 bytes, and loopback with a password does.
    'unix_socket_directories=',
    'max_connections=200',
    'timezone=UTC',
    'log_timezone=UTC',
    ...(throwaway ? fast : []),
  ];
  const adminUrl = urlOf(port, password).replace(/\/\w+$/, '/postgres');
  const identity = await startServerProcess({
    command: binaries.postgres,
    args: ['-D', data, ...options.flatMap((option) => ['-c', option])],
    options: {
      ...binaries.account,
      cwd: data,
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
    },
    log: logOf(folder),
    answers: () => answers(adminUrl, data),
    patience,
    stopSignal: 'SIGINT',
  });
  if (identity) await ensureDatabase(adminUrl);
  return identity;
}

const logOf = (folder: string) => join(folder, 'postgres.log');

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [user]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${user}`);
  } finally {
    await client.end();
  }
}

async function refusal(folder: string): Promise<PerennialError> {
  return new PerennialError(
    'DATABASE_UNAVAILABLE',
    `PostgreSQL did not start. Its last words: ${await lastWordsOf(logOf(folder))}`,
  );
}
