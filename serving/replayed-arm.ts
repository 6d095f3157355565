import { armRole } from '../contracts/serving.js';
import type { PredictionRow } from '../db/serving/prediction-tuple.js';
import type { Log } from '../runtime/log.js';
import type { ModelCache } from './model-cache.js';
import type { RouteSplit } from './route-split.js';
import type { CountedArm } from './window-counters.js';

/** How to count a replayed row; undefined where its version or model is no longer known. */
export type FindArm = (row: PredictionRow) => Promise<CountedArm | undefined>;

/** How rows of an earlier run are counted: against their own version's reference, in windows of today's length. */
export function createArmFinder({
  routes,
  cache,
  log,
}: {
  routes: RouteSplit;
  cache: ModelCache;
  log: Log;
}): FindArm {
  return async ({ model, version, role, revision }) => {
    const route = routes.routeOf(model);
    if (!route || !isArm(role)) return undefined;
    try {
      const { reference } = await cache.load(model, version);
      const { windowMilliseconds } = route;
      return { model, version, role, revision, windowMilliseconds, reference };
    } catch (error) {
      log.warn('Rows of an earlier run are stored but cannot be counted', {
        model,
        version,
        error: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  };
}

/** Rows of a pinned version belong to no arm and are not counted. */
function isArm(role: string): role is CountedArm['role'] {
  return armRole.safeParse(role).success;
}
