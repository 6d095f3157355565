import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';
import { findFreePort } from '../free-port.js';
import type { Log } from '../log.js';
import { isRunning, stopProcess, type ProcessIdentity } from '../process-identity.js';
import { lastWordsOf, startServerProcess } from '../server-process.js';
import { ensureSearchAttributes } from './search-attributes.js';

const host = '127.0.0.1';
const patience = 60_000;
const retention = '30 days';

/** The dev server's single history shard asks its queues 20 times a second by default, so that every step of a workflow waits for 30 ms. */
const swift = ['history.transferProcessorMaxPollRPS=1000', 'history.timerProcessorMaxPollRPS=1000'];

export interface TemporalServer extends ProcessIdentity {
  address: string;
  ui: string | undefined;
  /** Left running by a predecessor and taken over. */
  adopted: boolean;
  stop: () => Promise<void>;
  kill: () => Promise<void>;
}

const notes = z.object({
  pid: z.number(),
  started: z.string(),
  address: z.string(),
  ui: z.string().optional(),
});

/**
 * Starts Temporal's dev server on loopback with its history in a file of `folder`, and returns when it answers over gRPC, with namespace, search
 * attributes and retention in place. One that a killed predecessor left running is adopted.
 */
export async function startTemporalServer({
  cli,
  folder,
  namespace,
  log,
  port = 0,
  stay = false,
  ui = true,
  dynamicConfig = [],
}: {
  cli: string;
  folder: string;
  namespace: string;
  log: Log;
  /** The usual port; a free one is taken where somebody has it. The UI's is a thousand higher. */
  port?: number;
  /** This port or none: for a restart, since everybody was told the address. */
  stay?: boolean;
  ui?: boolean;
  dynamicConfig?: string[];
}): Promise<TemporalServer> {
  await mkdir(folder, { recursive: true });
  const noted = join(folder, 'server.json');
  const predecessor = await readNotes(noted);
  if (predecessor && (await isRunning(predecessor))) {
    if (await isHealthy(predecessor.address)) return handle({ ...predecessor, adopted: true });
    await stopProcess(predecessor, { patience: 5_000 });
  }
  for (let attempt = 1; ; attempt += 1) {
    const chosen = stay ? port : await findFreePort(host, attempt === 1 ? port : 0);
    // After a restart the page is where it was.
    const usualUiPort = portOf(predecessor?.ui) ?? (port === 0 ? 0 : chosen + 1_000);
    const uiPort = ui ? await findFreePort(host, usualUiPort) : undefined;
    const address = `${host}:${chosen}`;
    const started = await launch({ cli, folder, namespace, address, uiPort, dynamicConfig });
    if (started) {
      const page = uiPort === undefined ? undefined : `http://${host}:${uiPort}`;
      const found = { ...started, address, ...(page !== undefined && { ui: page }) };
      await writeFile(noted, JSON.stringify(found));
      await prepareNamespace({ address, namespace, log });
      return handle({ ...found, adopted: false });
    }
    if (attempt === 3) throw await refusal(folder);
  }
}

function handle({
  pid,
  started,
  address,
  ui,
  adopted,
}: z.infer<typeof notes> & { adopted: boolean }): TemporalServer {
  return {
    pid,
    started,
    address,
    ui,
    adopted,
    stop: () => stopProcess({ pid, started }, { patience: 10_000 }),
    kill: () => stopProcess({ pid, started }, { patience: 0 }),
  };
}

function portOf(url: string | undefined): number | undefined {
  return url === undefined ? undefined : Number(new URL(url).port);
}

async function readNotes(path: string): Promise<z.infer<typeof notes> | undefined> {
  try {
    return notes.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Starts the server and waits until it serves; undefined when it ended first, as it does when somebody took the port. */
async function launch({
  cli,
  folder,
  namespace,
  address,
  uiPort,
  dynamicConfig,
}: {
  cli: string;
  folder: string;
  namespace: string;
  address: string;
  uiPort: number | undefined;
  dynamicConfig: string[];
}): Promise<ProcessIdentity | undefined> {
  const [, port = ''] = address.split(':');
  const [http, metrics] = [await findFreePort(host), await findFreePort(host)];
  const flags = {
    ip: host,
    port,
    ...(uiPort !== undefined && { 'ui-port': String(uiPort) }),
    'http-port': String(http),
    'metrics-port': String(metrics),
    'log-level': 'warn',
    namespace,
    'db-filename': join(folder, 'history.db'),
  };
  return startServerProcess({
    command: cli,
    args: [
      'server',
      'start-dev',
      ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
      ...(uiPort === undefined ? ['--headless'] : ['--ui-disable-news-fetch']),
      ...['journal_mode=WAL', 'synchronous=NORMAL'].flatMap((each) => ['--sqlite-pragma', each]),
      ...[...swift, ...dynamicConfig].flatMap((each) => ['--dynamic-config-value', each]),
    ],
    options: { env: { ...process.env, GOGC: '400' } },
    log: logOf(folder),
    answers: () => isHealthy(address),
    patience,
    stopSignal: 'SIGTERM',
  });
}

const logOf = (folder: string) => join(folder, 'server.log');

/** Asked of the gRPC port: the page answers before the server does, and the other way round. */
async function isHealthy(address: string): Promise<boolean> {
  // A gRPC client that was refused once waits for a second before it dials again.
  if (!(await isListening(address))) return false;
  try {
    const connection = await Connection.connect({ address, connectTimeout: 1_000 });
    try {
      await connection.healthService.check({
        service: 'temporal.api.workflowservice.v1.WorkflowService',
      });
      return true;
    } finally {
      await connection.close();
    }
  } catch {
    return false;
  }
}

function isListening(address: string): Promise<boolean> {
  const [, port] = address.split(':');
  return new Promise((settle) => {
    const socket = connect({ host, port: Number(port) });
    socket.once('error', () => settle(false));
    socket.once('connect', () => {
      socket.destroy();
      settle(true);
    });
  });
}

async function prepareNamespace({
  address,
  namespace,
  log,
}: {
  address: string;
  namespace: string;
  log: Log;
}): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: msToTs(retention) },
    });
    await ensureSearchAttributes(connection, { namespace, log });
  } finally {
    await connection.close();
  }
}

async function refusal(folder: string): Promise<PerennialError> {
  return new PerennialError(
    'TEMPORAL_UNAVAILABLE',
    `The Temporal dev server did not start. Its last words: ${await lastWordsOf(logOf(folder))}`,
  );
}
