import { sql } from 'drizzle-orm';
import { PerennialError } from '../../contracts/errors.js';
import { modelSummary, type ModelSummary, type Status } from '../../contracts/overview.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows, type Row } from '../rows.js';

const summaries = sql`
  SELECT m.name AS model, m.team, coalesce(s.content #>> '{spec,owner}', '') AS owner, m.current_spec, m.created_at, m.retired_at, m.off_air_at,
    (SELECT version FROM alias WHERE model = m.name AND name = 'champion') AS champion,
    (SELECT count(*)::int FROM version WHERE model = m.name) AS versions,
    EXISTS (SELECT 1 FROM approval WHERE model = m.name AND standing = 'open') AS awaiting,
    d.number, d.stage, d.outcome, d.opened_at
  FROM model m
  LEFT JOIN spec s ON s.digest = m.current_spec
  LEFT JOIN LATERAL (SELECT * FROM delivery WHERE model = m.name ORDER BY number DESC LIMIT 1) d ON true`;

function summaryOf(row: Row): ModelSummary {
  return modelSummary.parse({
    model: row.model,
    team: row.team,
    owner: row.owner,
    specDigest: row.current_spec,
    champion: row.champion,
    versions: row.versions,
    delivery:
      row.number === null
        ? null
        : {
            number: row.number,
            stage: row.stage,
            outcome: row.outcome,
            openedAt: instantOf(row.opened_at),
          },
    awaitingApproval: row.awaiting,
    createdAt: instantOf(row.created_at),
    retiredAt: instantOf(row.retired_at),
    offAirAt: instantOf(row.off_air_at),
  });
}

/** All models by name. */
export async function listModels(db: Executor): Promise<ModelSummary[]> {
  return (await readRows(db, sql`${summaries} ORDER BY m.name`)).map(summaryOf);
}

/** One model. Throws MODEL_NOT_FOUND. */
export async function findModel(db: Executor, model: string): Promise<ModelSummary> {
  const [row] = await readRows(db, sql`${summaries} WHERE m.name = ${model}`);
  if (!row) throw new PerennialError('MODEL_NOT_FOUND', `There is no model '${model}'.`);
  return summaryOf(row);
}

/** Counts for the status page. */
export async function countOverview(
  db: Executor,
): Promise<Pick<Status, 'models' | 'runningDeliveries' | 'awaitingApproval'>> {
  const [row] = await readRows(
    db,
    sql`SELECT (SELECT count(*)::int FROM model) AS models,
      (SELECT count(*)::int FROM delivery WHERE outcome IS NULL) AS running,
      (SELECT count(*)::int FROM approval WHERE standing = 'open') AS awaiting`,
  );
  return {
    models: Number(row?.models),
    runningDeliveries: Number(row?.running),
    awaitingApproval: Number(row?.awaiting),
  };
}
