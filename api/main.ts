import { serve, type ServerType } from '@hono/node-server';
import { PerennialError } from '../contracts/errors.js';
import { connectDatabase } from '../db/connect.js';
import { requireKnownSchemaIfThere } from '../db/schema-needs.js';
import { readApiToken } from '../runtime/api-token.js';
import { isLoopback, loadConfig, type Config } from '../runtime/config.js';
import { httpAddress } from '../runtime/http-address.js';
import { createLog, surround } from '../runtime/log.js';
import { stopOnSignal } from '../runtime/shutdown.js';
import { connectTemporal } from '../runtime/temporal/connection.js';
import { openTracing } from '../runtime/tracing/open-tracing.js';
import { createApi } from './app.js';
import { createApiMetrics } from './metrics.js';
import { choosePinning } from './pin-image.js';

/** How long, in ms, a request waits for a worker's answer. */
const patience = 15_000;

/** The control API as a process: connects, listens, says where in one line on stdout, and ends in order on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const config = loadConfig();
  const plain = createLog({ part: 'api', level: config.logLevel });
  const tracing = await openTracing(config.tracing, { part: 'api', log: plain });
  const log = surround(plain, () => ({ ...tracing?.facts() }));
  const token = findToken(config);
  const { address, namespace, apiKey } = config.temporal;
  const database = connectDatabase({ url: required('DATABASE_URL', config.databaseUrl), log });
  await requireKnownSchemaIfThere(database.db, log);
  const temporal = await connectTemporal(
    { address: required('TEMPORAL_ADDRESS', address), namespace, apiKey },
    { tracing },
  );
  const { db } = database;
  const app = createApi({
    db,
    engine: { client: temporal.client, patience },
    log,
    metrics: createApiMetrics({ db, log }),
    tracing,
    pinImage: choosePinning(config),
    ...(token === undefined ? {} : { token }),
  });
  const { server, url } = await listen(app.fetch, config);
  process.stdout.write(`${JSON.stringify({ ready: true, address: url })}\n`);
  log.info('The control API listens', { address: url });

  await stopOnSignal(async () => {
    await closeServer(server);
    await Promise.allSettled([temporal.close(), database.close(), tracing?.close()]);
  });
}

/** Lets what is being answered finish, for two seconds at most. */
async function closeServer(server: ServerType): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    if ('closeIdleConnections' in server) server.closeIdleConnections();
    setTimeout(resolve, 2_000);
  });
}

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, api: { port } }: Config,
): Promise<{ server: ServerType; url: string }> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port }, (found) => {
      resolve({ server, url: httpAddress(host, found.port) });
    });
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new PerennialError('PORT_TAKEN', `Port ${port} of ${host} is taken.`)
          : error,
      ),
    );
  });
}

/** Without a token that tells who may ask, nobody but this machine may. Throws CONFIG_INVALID. */
function findToken({ host, api: { tokenFile } }: Config): string | undefined {
  if (tokenFile !== undefined) return readApiToken(tokenFile);
  if (isLoopback(host)) return undefined;
  throw new PerennialError(
    'CONFIG_INVALID',
    `PERENNIAL_HOST is '${host}', which others can reach, and PERENNIAL_API_TOKEN_FILE is not set: without a token the control API listens on loopback only (127.0.0.1, ::1, localhost).`,
  );
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new PerennialError('CONFIG_INVALID', `${name} is not set; the control API needs it.`);
}

main().catch((error: unknown) => {
  const told =
    error instanceof PerennialError
      ? `${error.code}: ${error.message} ${error.entry.hint}`
      : error instanceof Error
        ? error.stack
        : String(error);
  process.stderr.write(`${told}\n`);
  process.exit(1);
});
