import { sql, type SQL } from 'drizzle-orm';
import {
  judgement,
  releaseView,
  type Judgement,
  type ReleaseView,
} from '../../contracts/release.js';
import { route, type Route } from '../../contracts/serving.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows } from '../rows.js';

/** The route in force; null when the model was never on the air or was taken off it. */
export async function findRoute(db: Executor, model: string): Promise<Route | null> {
  const [row] = await readRows(
    db,
    sql`SELECT r.model, r.revision, r.salt, r.arms FROM route r JOIN model m ON m.name = r.model
      WHERE r.model = ${model} AND m.off_air_at IS NULL ORDER BY r.revision DESC LIMIT 1`,
  );
  return route.safeParse(row).data ?? null;
}

async function findLastJudgement(
  db: Executor,
  model: string,
  delivery: number,
  version: number,
): Promise<Judgement | null> {
  const [row] = await readRows(
    db,
    sql`SELECT judgement FROM release_step WHERE model = ${model} AND delivery = ${delivery} AND version = ${version}
      ORDER BY step DESC, look DESC LIMIT 1`,
  );
  return row ? judgement.parse(row.judgement) : null;
}

async function findRelease(db: Executor, model: string, where: SQL): Promise<ReleaseView | null> {
  const [row] = await readRows(
    db,
    sql`SELECT * FROM release WHERE model = ${model} AND ${where} ORDER BY started_at DESC LIMIT 1`,
  );
  if (!row) return null;
  return releaseView.parse({
    model,
    version: row.version,
    champion: row.champion,
    delivery: row.delivery,
    workflowId: row.workflow_id,
    status: row.status,
    step: row.step,
    steps: row.steps,
    requestedBy: row.requested_by,
    route: await findRoute(db, model),
    lastJudgement: await findLastJudgement(db, model, Number(row.delivery), Number(row.version)),
    reason: row.reason,
    startedAt: instantOf(row.started_at),
    endedAt: instantOf(row.ended_at),
  });
}

/** The newest release of a model, ended or not. */
export function findLastRelease(db: Executor, model: string): Promise<ReleaseView | null> {
  return findRelease(db, model, sql`true`);
}

/** The newest release of one delivery. */
export function findReleaseOf(
  db: Executor,
  model: string,
  delivery: number,
): Promise<ReleaseView | null> {
  return findRelease(db, model, sql`delivery = ${delivery}`);
}
