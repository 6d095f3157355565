import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { migrateDatabase } from '../../db/migrate.js';
import type { Config } from '../../runtime/config.js';
import { findFreePort } from '../../runtime/free-port.js';
import { createLog, type Log } from '../../runtime/log.js';
import { startNodePart } from '../../runtime/node-part.js';
import { startPostgres, type EmbeddedPostgres } from '../../runtime/postgres/server.js';
import type { Running } from '../../runtime/supervise.js';
import { findTemporalCli } from '../../runtime/temporal/cli.js';
import { startTemporalServer, type TemporalServer } from '../../runtime/temporal/server.js';
import { endPredecessor } from './predecessor.js';
import { createRunningParts, type ReadyPart, type RunningParts } from './running-parts.js';
import { nodeParts, type NodePart } from './parts.js';
import { claimHome, removeStackNotes, writeStackNotes, type NotedPart } from './notes.js';

const usualPostgresPort = 7279;

export interface Stack {
  databaseUrl: string;
  temporalAddress: string;
  temporalUi: string | undefined;
  apiUrl: string;
  gatewayUrl: string;
  parts: () => NotedPart[];
  /** Stops what this stack started or adopted: first the doors, then the workers, the engines last. */
  stop: () => Promise<void>;
}

export interface StackOptions {
  config: Config;
  /** Called when a part is ready, and again when it was restarted. */
  onPart?: (part: ReadyPart) => void;
  /** Called when a part ended by itself, with a sentence. */
  onNotice?: (part: string, sentence: string) => void;
  /** What our processes are told in place of an engine's host:port, where something stands in between. */
  wayTo?: (engine: 'postgres' | 'temporal', address: string) => Promise<string>;
}

/**
 * Brings up everything that the settings do not give: PostgreSQL, Temporal, the workers, the control API and the gateway, and keeps it up until
 * `stop`. Engines left behind by a killed predecessor are adopted, its other processes are ended first. Throws STACK_RUNNING.
 */
export async function startStack({
  config,
  onPart = () => {},
  onNotice = () => {},
  wayTo = (_, address) => Promise.resolve(address),
}: StackOptions): Promise<Stack> {
  const { home } = config;
  await mkdir(home, { recursive: true });
  const { supervisor, release } = await claimHome(home);
  const running = createRunningParts({
    write: (parts) => writeStackNotes(home, { supervisor, parts }),
    onPart,
    onNotice,
  });
  const stop = async () => {
    await running.stop();
    await removeStackNotes(home);
    await release();
  };
  try {
    await endPredecessor(home);
    const stack = await startParts(config, running, wayTo);
    return { ...stack, parts: running.notes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startParts(
  config: Config,
  running: RunningParts,
  wayTo: NonNullable<StackOptions['wayTo']>,
) {
  const log = createLog({ part: 'up', level: 'warn' });
  const engines = [startDatabase(config, running), startTemporal(config, running, log)] as const;
  // When one fails, the other is waited for: what it starts must be known to be stopped.
  await Promise.allSettled(engines);
  const [databaseUrl, temporal] = await Promise.all(engines);
  const { host } = config;
  const [api, gateway] = [
    await findFreePort(host, config.api.port),
    await findFreePort(host, config.gateway.port),
  ];
  const ports = { api, gateway };
  const way = new URL(databaseUrl);
  way.host = await wayTo('postgres', way.host);
  const temporalAddress = await wayTo('temporal', temporal.address);
  const parts = nodeParts({ config, databaseUrl: way.href, temporalAddress, ports });
  const starts = parts.map(async (part): Promise<[string, string]> => {
    const { address } = await running.start(part.name, part.floor, () => startPart(part, config));
    return [part.name, address];
  });
  await Promise.allSettled(starts);
  const addresses = new Map(await Promise.all(starts));
  return {
    databaseUrl,
    temporalAddress: temporal.address,
    temporalUi: temporal.ui,
    apiUrl: addresses.get('api') ?? '',
    gatewayUrl: addresses.get('gateway') ?? '',
  };
}

function startPart(
  { name, file, args, environment }: NodePart,
  { home }: Config,
): Promise<Running> {
  const logFile = join(home, 'logs', `${name}.log`);
  return startNodePart({ name, file, args, environment, folder: home, logFile });
}

async function startDatabase(
  { databaseUrl, home }: Config,
  running: RunningParts,
): Promise<string> {
  if (databaseUrl !== undefined) {
    await running.given('postgres', new URL(databaseUrl).host);
    await migrateDatabase(databaseUrl);
    return databaseUrl;
  }
  const folder = join(home, 'postgres');
  await mkdir(folder, { recursive: true });
  const postgres = await running.start<EmbeddedPostgres>('postgres', 0, (previous) =>
    startPostgres({
      folder,
      port: portOf(previous) ?? usualPostgresPort,
      stay: previous !== undefined,
    }),
  );
  await migrateDatabase(postgres.url);
  return postgres.url;
}

async function startTemporal(
  { temporal, home }: Config,
  running: RunningParts,
  log: Log,
): Promise<{ address: string; ui: string | undefined }> {
  const { address, namespace, cli, port } = temporal;
  if (address !== undefined) {
    await running.given('temporal', address);
    return { address, ui: undefined };
  }
  const binary = await findTemporalCli(cli);
  const folder = join(home, 'temporal');
  const server = await running.start<TemporalServer>('temporal', 0, (previous) =>
    startTemporalServer({
      cli: binary,
      folder,
      namespace,
      log,
      port: portOf(previous) ?? port,
      stay: previous !== undefined,
    }),
  );
  if (server.ui !== undefined) await running.given('temporal-ui', server.ui);
  return server;
}

/** A restarted engine comes back where it was: everybody was told that address. */
function portOf(running: Running | undefined): number | undefined {
  return running && Number(running.address.split(':').at(-1));
}
