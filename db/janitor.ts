import { sql } from 'drizzle-orm';
import type { DeliveryKey } from '../contracts/stages.js';
import type { Database, Executor } from './connect.js';

/** Makes the partitions of the coming days; a repetition finds them there. Returns how many were new. */
export async function makePredictionPartitions(
  db: Executor,
  from: Date,
  days: number,
): Promise<number> {
  let made = 0;
  // Not today's: rows of today may lie in the default partition, which then refuses to hand the day over.
  for (let ahead = 1; ahead <= days; ahead += 1) {
    const day = new Date(from.getTime() + ahead * 86_400_000).toISOString().slice(0, 10);
    const { rows } = await db.execute<{ made: boolean }>(
      sql`SELECT make_prediction_partition(${day}::date) AS made`,
    );
    if (rows[0]?.made) made += 1;
  }
  return made;
}

/** Models with a champion that are not retired: each should have a monitor. */
export async function listServedModels(db: Executor): Promise<string[]> {
  const { rows } = await db.execute<{ name: string }>(
    sql`SELECT m.name FROM model m JOIN alias a ON a.model = m.name AND a.name = 'champion' WHERE m.retired_at IS NULL ORDER BY m.name`,
  );
  return rows.map(({ name }) => name);
}

export async function modelIsServed(db: Executor, model: string): Promise<boolean> {
  return (await listServedModels(db)).includes(model);
}

/** Number of the newest drift check; a new monitor counts on from it, since reports are kept by number. */
export async function lastCheckNumber(db: Executor, model: string): Promise<number> {
  const { rows } = await db.execute<{ last: number | null }>(
    sql`SELECT max(check_number) AS last FROM drift_report WHERE model = ${model}`,
  );
  return rows[0]?.last ?? 0;
}

export interface OpenRelease extends Record<string, unknown> {
  model: string;
  delivery: number;
  version: number;
  champion: number | null;
  workflowId: string;
  runId: string;
}

/** Releases that nobody has closed, oldest first. */
export async function listOpenReleases(db: Database): Promise<OpenRelease[]> {
  const { rows } = await db.execute<OpenRelease>(
    sql`SELECT model, delivery, version, champion, workflow_id AS "workflowId", run_id AS "runId"
        FROM release WHERE ended_at IS NULL ORDER BY started_at`,
  );
  return rows;
}

/** Deliveries without an outcome, but for those whose release is still to be put in order. */
export async function listOpenDeliveries(
  db: Executor,
): Promise<(DeliveryKey & { firstRunId: string })[]> {
  const { rows } = await db.execute<{ model: string; delivery: number; firstRunId: string }>(
    sql`SELECT d.model, d.number AS delivery, d.first_run_id AS "firstRunId" FROM delivery d
        WHERE d.outcome IS NULL AND NOT EXISTS (SELECT 1 FROM release r
          WHERE r.model = d.model AND r.delivery = d.number AND r.ended_at IS NULL)
        ORDER BY d.opened_at`,
  );
  return rows;
}

/** Deliveries that were closed before a moment, as `<model>/<number>`, among those given. */
export async function listLongClosed(
  db: Executor,
  deliveries: DeliveryKey[],
  before: Date,
): Promise<Set<string>> {
  const asked = JSON.stringify(deliveries.map(({ model, delivery }) => ({ model, delivery })));
  const { rows } = await db.execute<{ subject: string }>(
    sql`SELECT d.model || '/' || d.number AS subject
        FROM delivery d JOIN jsonb_to_recordset(${asked}::jsonb) AS asked (model text, delivery integer)
          ON d.model = asked.model AND d.number = asked.delivery
        WHERE d.closed_at < ${before.toISOString()}::timestamptz`,
  );
  return new Set(rows.map(({ subject }) => subject));
}
