import type pg from 'pg';
import type { Database } from '../db/connect.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { systemClock, type Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import { claimDeserted, claimGatewayHome, type GatewayHome } from './gateway-home.js';
import { closeServer, createHttpServer, listen } from './http-server.js';
import { openJournal } from './journal.js';
import { replayJournals } from './journal-replay.js';
import { createGatewayMetrics, type GatewayMetrics } from './metrics.js';
import { createModelCache } from './model-cache.js';
import { createModelRoutes } from './model-routes.js';
import { createPredictor } from './predict.js';
import { startPredictionLog } from './prediction-log.js';
import { createArmFinder } from './replayed-arm.js';
import { createRequestRouter } from './request-router.js';
import { listenForRoutes } from './route-listener.js';
import { createRouteSplit } from './route-split.js';
import { startUsageLog, storeLeftUsage } from './usage/log.js';
import { createUsageMeter } from './usage/meter.js';
import { createWindowCounters } from './window-counters.js';

export interface GatewayDeps {
  /** For LISTEN, which needs a connection of its own past any pooler. */
  databaseUrl: string;
  db: Database;
  pool: pg.Pool;
  artifacts: ArtifactStore;
  log: Log;
  /** Folder of this machine's state; the journal lies under `<home>/gateway`. */
  home: string;
  installation: string;
  clock?: Clock;
  limits?: Partial<GatewayLimits>;
}

export interface GatewayLimits {
  maximumBodyBytes: number;
  /** Rows waiting for an answer; beyond, requests are refused with OVERLOADED. */
  maximumWaitingRows: number;
  /** Bytes the journal may hold while PostgreSQL is away; beyond, rows are answered and counted as dropped. */
  maximumJournalBytes: number;
  /** Milliseconds between two moves of the journal into PostgreSQL. */
  flushEvery: number;
  /** Milliseconds between two reckonings of what answering took; a kill loses what was used since the last. */
  reckonEvery: number;
  /** Milliseconds between two readings of the routes; changes come by NOTIFY at once. */
  pollEvery: number;
}

const defaultLimits: GatewayLimits = {
  maximumBodyBytes: 4 * 2 ** 20,
  maximumWaitingRows: 20_000,
  maximumJournalBytes: 512 * 2 ** 20,
  flushEvery: 250,
  reckonEvery: 10_000,
  pollEvery: 2_000,
};

export interface Gateway {
  readonly metrics: GatewayMetrics;
  /** Name and number under which this run logs. */
  readonly gateway: string;
  readonly epoch: number;
  /** Starts to answer; gives the address. Throws PORT_TAKEN. */
  listen(at: { port: number; host: string }): Promise<string>;
  /** Stops accepting, answers what is under way, stores the log and leaves. */
  close(): Promise<void>;
}

/** Replays what earlier runs left, loads the models of every route and is then ready to listen. */
export async function createGateway(deps: GatewayDeps): Promise<Gateway> {
  const home = await claimGatewayHome(deps.home, deps.installation);
  try {
    return await openGateway(deps, home);
  } catch (error) {
    await home.leave();
    throw error;
  }
}

async function openGateway(deps: GatewayDeps, home: GatewayHome): Promise<Gateway> {
  const { db, pool, log, artifacts, clock = systemClock } = deps;
  const limits = { ...defaultLimits, ...deps.limits };
  const { gateway, epoch, folder } = home;
  const metrics = createGatewayMetrics();
  const cache = createModelCache({ db, artifacts, log });
  const routes = createRouteSplit({ db, cache, log, metrics });
  const counters = createWindowCounters({ gateway, epoch });
  const usage = createUsageMeter();

  await routes.refresh();
  const findArm = createArmFinder({ routes, cache, log });
  const replay = { db, pool, log, metrics, counters, findArm };
  const takeOver = async (left: GatewayHome): Promise<void> => {
    await replayJournals({ ...replay, home: left });
    await storeLeftUsage({ db, log, home: left });
  };
  await takeOver(home);
  for await (const deserted of claimDeserted(deps.home, deps.installation))
    await takeOver(deserted);

  const journal = openJournal({ folder, epoch, maximumBytes: limits.maximumJournalBytes });
  const { flushEvery, maximumWaitingRows, maximumBodyBytes } = limits;
  const predictionLog = startPredictionLog({
    db,
    pool,
    log,
    metrics,
    gateway,
    epoch,
    journal,
    counters,
    flushEvery,
  });
  const predictor = createPredictor({
    predictionLog,
    counters,
    usage,
    metrics,
    maximumWaitingRows,
  });
  const usageLog = startUsageLog({
    db,
    log,
    clock,
    home,
    meter: usage,
    ready: () => routes.readyVersions(),
    every: limits.reckonEvery,
  });
  const models = createModelRoutes({
    db,
    routes,
    cache,
    predictor,
    metrics,
    clock,
    maximumBodyBytes,
  });
  const listener = listenForRoutes({
    databaseUrl: deps.databaseUrl,
    log,
    onChange: () => void routes.refresh(),
    pollEvery: limits.pollEvery,
  });
  const server = createHttpServer(createRequestRouter({ models, routes, metrics }), metrics, log);

  return {
    metrics,
    gateway,
    epoch,
    listen: (at) => listen(server, at),
    async close() {
      await closeServer(server);
      await listener.stop();
      await routes.refresh();
      await predictionLog.close();
      await usageLog.close();
      await cache.close();
      await home.leave();
    },
  };
}
