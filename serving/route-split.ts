import type { ArmRole } from '../contracts/serving.js';
import type { Database } from '../db/connect.js';
import { newestRoutes, type ServedRoute } from '../db/release/served-route.js';
import type { Log } from '../runtime/log.js';
import { chooseArm, placeOf } from './arm.js';
import type { LoadedModel, ModelCache } from './model-cache.js';
import type { GatewayMetrics } from './metrics.js';

export interface ActiveArm {
  loaded: LoadedModel;
  role: ArmRole;
  share: number;
}

/** A route in force: every arm of it is loaded and warm. */
export interface ActiveRoute {
  model: string;
  revision: number;
  salt: string;
  arms: readonly ActiveArm[];
  windowMilliseconds: number;
}

export interface RouteSplit {
  routeOf(model: string): ActiveRoute | undefined;
  /** Versions that a route keeps ready, each once. */
  readyVersions(): Iterable<LoadedModel>;
  /** Reads the newest routes and takes those into force that can be. Never throws: what fails keeps the old route. */
  refresh(): Promise<void>;
  /** True once the routes were read for the first time. */
  readonly ready: boolean;
}

export function armOf(route: ActiveRoute, entity: string): ActiveArm | undefined {
  return chooseArm(route.arms, placeOf(route.salt, entity));
}

export function createRouteSplit({
  db,
  cache,
  log,
  metrics,
}: {
  db: Database;
  cache: ModelCache;
  log: Log;
  metrics: GatewayMetrics;
}): RouteSplit {
  const active = new Map<string, ActiveRoute>();
  /** Last revision by model that could not be taken into force: logged once, tried again with every refresh. */
  const refused = new Map<string, number>();
  let ready = false;
  let running: Promise<void> | undefined;
  let again = false;

  const takeIntoForce = async ({ route, windowMilliseconds }: ServedRoute): Promise<void> => {
    const { model, revision, salt } = route;
    const current = active.get(model);
    if (current && current.revision >= revision) {
      if (current.windowMilliseconds !== windowMilliseconds)
        active.set(model, { ...current, windowMilliseconds });
      return;
    }
    try {
      const arms = await Promise.all(
        route.arms.map(async ({ version, role, share }) => ({
          loaded: await cache.load(model, version),
          role,
          share,
        })),
      );
      active.set(model, { model, revision, salt, arms, windowMilliseconds });
      refused.delete(model);
      cache.keep(
        model,
        arms.map(({ loaded }) => loaded.version),
      );
      metrics.revision.set({ model }, revision);
      log.info('Route in force', { model, revision, arms: route.arms });
    } catch (error) {
      metrics.routeFailures.inc({ model });
      if (refused.get(model) === revision) return;
      refused.set(model, revision);
      log.error('A version of the new route cannot be loaded; the old route stays in force', {
        model,
        revision,
        inForce: current?.revision ?? null,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  };

  const takeOffAir = (onAir: readonly ServedRoute[]): void => {
    const kept = new Set(onAir.map(({ route }) => route.model));
    for (const model of active.keys()) {
      if (kept.has(model)) continue;
      active.delete(model);
      cache.keep(model, []);
      metrics.revision.remove({ model });
      log.info('A model is off the air', { model });
    }
  };

  const readAll = async (): Promise<void> => {
    do {
      again = false;
      try {
        const onAir = await newestRoutes(db);
        takeOffAir(onAir);
        await Promise.all(onAir.map(takeIntoForce));
        ready = true;
      } catch (error) {
        log.warn('Cannot read the routes; those in force stay', {
          error: error instanceof Error ? error.message : String(error),
        });
      }
    } while (again);
  };

  return {
    routeOf: (model) => active.get(model),
    readyVersions: () =>
      new Set([...active.values()].flatMap(({ arms }) => arms.map(({ loaded }) => loaded))),
    refresh() {
      // A change that arrives while one is being read makes one more reading, however many they are.
      if (running) again = true;
      running ??= readAll().finally(() => (running = undefined));
      return running;
    },
    get ready() {
      return ready;
    },
  };
}
