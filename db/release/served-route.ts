import { sql } from 'drizzle-orm';
import { z } from 'zod';
import { durationPattern, milliseconds } from '../../contracts/duration.js';
import { artifactRef } from '../../contracts/names.js';
import { route, type Route } from '../../contracts/serving.js';
import { PerennialError } from '../../contracts/errors.js';
import type { Executor } from '../connect.js';

/** What a gateway needs to know of a model: its newest route and how long its count windows are. */
export interface ServedRoute {
  route: Route;
  windowMilliseconds: number;
}

const routeRow = z.object({
  model: z.string(),
  revision: z.int(),
  salt: z.string(),
  arms: z.unknown(),
  window: z.string().regex(durationPattern).nullable(),
});

/** The newest route of every model that has one and is on the air. One statement: gateways run it every two seconds. */
export async function newestRoutes(db: Executor): Promise<ServedRoute[]> {
  const { rows } = await db.execute(sql`
    SELECT DISTINCT ON (route.model) route.model, revision, salt, arms,
      spec.content->'spec'->'monitoring'->>'window' AS window
    FROM route
    JOIN model ON model.name = route.model
    LEFT JOIN spec ON spec.digest = model.current_spec
    WHERE model.off_air_at IS NULL
    ORDER BY route.model, revision DESC`);
  return rows.map((row) => {
    const { window, ...found } = routeRow.parse(row);
    return { route: route.parse(found), windowMilliseconds: milliseconds(window ?? '1m') };
  });
}

const servedVersion = z.object({
  artifact: artifactRef,
  reference: artifactRef,
  golden: artifactRef,
});
export type ServedVersion = z.infer<typeof servedVersion>;

/** The artifacts of one version. Throws VERSION_NOT_FOUND. */
export async function servedVersionOf(
  db: Executor,
  model: string,
  version: number,
): Promise<ServedVersion> {
  const { rows } = await db.execute(sql`
    SELECT artifact, reference, golden FROM version WHERE model = ${model} AND version = ${version}`);
  if (!rows[0])
    throw new PerennialError('VERSION_NOT_FOUND', `There is no version ${version} of '${model}'.`);
  return servedVersion.parse(rows[0]);
}
