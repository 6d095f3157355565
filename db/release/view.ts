import { sql, type SQL } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import {
  judgement,
  releaseView,
  type Judgement,
  type ReleaseView,
} from '../../contracts/release.js';
import { route, type Route } from '../../contracts/serving.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows } from '../model/overview.js';

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

/** What a rollback moves between. */
export interface RollbackTarget {
  from: number | null;
  to: number;
  delivery: number;
  specDigest: string;
}

/**
 * The version a rollback goes to: the one named, or the champion before this one. Throws VERSION_NOT_FOUND where there is none, and
 * PROMOTION_REFUSED where the named one was never approved or is champion already.
 */
export async function chooseRollback(
  db: Executor,
  model: string,
  named: number | undefined,
): Promise<RollbackTarget> {
  const [alias] = await readRows(
    db,
    sql`SELECT version FROM alias WHERE model = ${model} AND name = 'champion'`,
  );
  const from = alias ? Number(alias.version) : null;
  const to = named ?? (await championBefore(db, model, from));
  const [row] = await readRows(
    db,
    sql`SELECT v.delivery, d.spec_digest, EXISTS (
        SELECT 1 FROM approval a WHERE a.model = v.model AND a.version = v.version AND a.standing = 'approved' AND a.evidence = v.evidence
      ) AS approved
      FROM version v JOIN delivery d ON d.model = v.model AND d.number = v.delivery
      WHERE v.model = ${model} AND v.version = ${to}`,
  );
  if (!row) throw new PerennialError('VERSION_NOT_FOUND', `Model '${model}' has no version ${to}.`);
  if (to === from)
    throw new PerennialError('PROMOTION_REFUSED', `v${to} of '${model}' is the champion already.`);
  if (row.approved !== true)
    throw new PerennialError('PROMOTION_REFUSED', `v${to} of '${model}' was never approved.`);
  return { from, to, delivery: Number(row.delivery), specDigest: String(row.spec_digest) };
}

async function championBefore(db: Executor, model: string, from: number | null): Promise<number> {
  const [row] = await readRows(
    db,
    sql`SELECT version FROM release WHERE model = ${model} AND status = 'promoted' AND version IS DISTINCT FROM ${from}::int
      ORDER BY ended_at DESC NULLS LAST LIMIT 1`,
  );
  if (!row)
    throw new PerennialError(
      'VERSION_NOT_FOUND',
      `Model '${model}' has had no champion ${from === null ? 'yet' : `before v${from}`}.`,
    );
  return Number(row.version);
}
