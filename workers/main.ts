import { Runtime, type Worker } from '@temporalio/worker';
import { PerennialError } from '../contracts/errors.js';
import { connectDatabase } from '../db/connect.js';
import { requireKnownSchemaIfThere } from '../db/schema-needs.js';
import { systemClock } from '../runtime/clock.js';
import { loadConfig, type Config } from '../runtime/config.js';
import { findFreePort } from '../runtime/free-port.js';
import { createLog, surround, type Log } from '../runtime/log.js';
import { openArtifacts } from '../runtime/artifacts/open.js';
import { stopOnSignal } from '../runtime/shutdown.js';
import { connectWorker } from '../runtime/temporal/worker.js';
import { connectTemporal } from '../runtime/temporal/connection.js';
import { openTracing } from '../runtime/tracing/open-tracing.js';
import { activityFacts } from './activity-facts.js';
import { createWorkerMetrics } from './metrics.js';
import { startMetricsServer } from './metrics-server.js';
import { startOutboxSender } from './outbox-sender.js';
import type { Parts } from './parts.js';
import { createTemporalLogger } from './temporal-logger.js';

/** Loaded by kind: a process that only judges has no use for DuckDB and ONNX. */
const kinds = new Map<string, (parts: Parts) => Promise<Worker[]>>([
  ['pipeline', async (parts) => [await (await import('./pipeline.js')).startPipeline(parts)]],
  ['compute', async (parts) => [await (await import('./compute.js')).startCompute(parts)]],
  ['training', async (parts) => (await import('./training.js')).startTraining(parts)],
  ['judge', async (parts) => [await (await import('./judge.js')).startJudge(parts)]],
]);

/** Temporal's own series as Prometheus wants them: `_total`, `_seconds`. */
const unitsInNames = { countersTotalSuffix: true, unitSuffix: true, useSecondsForDurations: true };

/** Runs the kinds of workers named on the command line, `pipeline,judge`, in one process until it is asked to stop. */
async function runWorkers(asked: string[], config: Config, plain: Log): Promise<void> {
  const unknown = asked.filter((kind) => !kinds.has(kind));
  if (unknown.length > 0 || asked.length === 0)
    throw new PerennialError(
      'CONFIG_INVALID',
      `There is no worker '${unknown.join(', ')}'. Name one or more of ${[...kinds.keys()].join(', ')}.`,
    );
  const { databaseUrl, temporal } = config;
  if (databaseUrl === undefined || temporal.address === undefined)
    throw new PerennialError(
      'CONFIG_INVALID',
      `A worker needs DATABASE_URL and TEMPORAL_ADDRESS; ${databaseUrl === undefined ? 'DATABASE_URL' : 'TEMPORAL_ADDRESS'} is not set.`,
    );
  const part = partOf(asked);
  const tracing = await openTracing(config.tracing, { part, log: plain });
  const log = surround(plain, () => ({ ...activityFacts(), ...tracing?.facts() }));
  const exporter = `127.0.0.1:${await findFreePort('127.0.0.1')}`;
  Runtime.install({
    logger: createTemporalLogger(log),
    shutdownSignals: [],
    telemetryOptions: { metrics: { prometheus: { bindAddress: exporter, ...unitsInNames } } },
  });
  const metrics = createWorkerMetrics({ temporal: exporter });
  const settings = {
    address: temporal.address,
    namespace: temporal.namespace,
    apiKey: temporal.apiKey,
  };
  const [client, connection, artifacts] = await Promise.all([
    connectTemporal(settings, { tracing }),
    connectWorker(settings),
    openArtifacts(config),
  ]);
  const database = connectDatabase({ url: databaseUrl, log });
  await requireKnownSchemaIfThere(database.db, log);
  const parts: Parts = {
    config,
    log,
    metrics,
    tracing,
    connection,
    artifacts,
    namespace: temporal.namespace,
    versioning: config.versioning,
    db: database.db,
    client: client.client,
    clientConnection: client.connection,
    clock: systemClock,
  };
  const starters = asked.flatMap((kind) => kinds.get(kind) ?? []);
  const started = (await Promise.all(starters.map((start) => start(parts)))).flat();
  const { url, secretFile } = config.webhook;
  const sender =
    asked.includes('pipeline') && url !== undefined
      ? await startOutboxSender({
          db: database.db,
          url,
          secretFile,
          api: config.api.url,
          log,
          onRound: metrics.countNotices,
        })
      : null;

  const running = Promise.all(started.map((worker) => worker.run()));
  running.catch((error: unknown) => {
    log.error('A worker broke down', { error });
    process.exit(1);
  });
  const server = await startMetricsServer({
    host: config.host,
    port: config.metrics.port,
    metrics,
    states: () => Object.fromEntries(started.map((worker) => [nameOf(worker), worker.getState()])),
  });
  process.stdout.write(`${JSON.stringify({ ready: true, address: server.address })}\n`);
  await stopOnSignal(
    async () => {
      log.info('The workers stop', { kinds: asked });
      for (const worker of started) if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
      await tracing?.close();
      await sender?.stop();
      await server.close();
      await client.close();
      await connection.close();
      await database.close();
    },
    { patience: 14_000 },
  );
}

/** A worker is known by its queue: `judge`, `training-a10`. */
function nameOf({ options }: Worker): string {
  return options.taskQueue.replace(/^perennial-/, '');
}

function partOf(kinds: string[]): string {
  return kinds.join('+') || 'worker';
}

const asked = (process.argv[2] ?? '').split(',').filter((kind) => kind !== '');
const config = loadConfig();
const log = createLog({ part: partOf(asked), level: config.logLevel });
runWorkers(asked, config, log).catch((error: unknown) => {
  if (error instanceof PerennialError)
    log.error(error.message, { code: error.code, hint: error.entry.hint });
  else log.error('The worker could not start', { error });
  process.exit(1);
});
