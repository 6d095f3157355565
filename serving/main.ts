import { collectDefaultMetrics } from 'prom-client';
import { PerennialError } from '../contracts/errors.js';
import { connectDatabase } from '../db/connect.js';
import { requireKnownSchemaIfThere } from '../db/schema-needs.js';
import { isLoopback, loadConfig, type Config } from '../runtime/config.js';
import { createLog, type Log } from '../runtime/log.js';
import { openArtifacts } from '../runtime/artifacts/open.js';
import { createGateway } from './gateway.js';

/** Runs one gateway until SIGTERM or SIGINT. */
async function runGateway(config: Config, log: Log): Promise<void> {
  if (config.databaseUrl === undefined)
    throw new PerennialError('CONFIG_INVALID', 'The gateway needs DATABASE_URL, which is not set.');
  const database = connectDatabase({ url: config.databaseUrl, log, max: 4 });
  await requireKnownSchemaIfThere(database.db, log);
  const gateway = await createGateway({
    databaseUrl: config.databaseUrl,
    db: database.db,
    pool: database.pool,
    artifacts: await openArtifacts(config),
    log,
    home: config.home,
    installation: config.installation,
  });
  collectDefaultMetrics({ register: gateway.metrics.registry });
  if (!isLoopback(config.host))
    log.warn('The gateway asks nobody who they are: let only a private network reach it', {
      host: config.host,
    });
  const address = await gateway.listen({ port: config.gateway.port, host: config.host });
  const stop = (signal: NodeJS.Signals): void => {
    process.off('SIGTERM', stop).off('SIGINT', stop);
    log.info('The gateway stops', { signal });
    gateway
      .close()
      .then(() => database.close())
      .catch((error: unknown) => {
        log.error('The gateway did not stop cleanly', { error: String(error) });
        process.exitCode = 1;
      });
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // Last: whoever reads it may send a signal at once.
  process.stdout.write(`${JSON.stringify({ ready: true, address })}\n`);
}

const config = loadConfig();
const log = createLog({ part: 'gateway', level: config.logLevel });
runGateway(config, log).catch((error: unknown) => {
  if (error instanceof PerennialError)
    log.error(error.message, { code: error.code, hint: error.entry.hint });
  else log.error('The gateway could not start', { error: String(error) });
  process.exit(1);
});
