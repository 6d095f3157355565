import { sql } from 'drizzle-orm';
import { trainingOutcome } from '../../contracts/training.js';
import {
  trainingView,
  type AttemptView,
  type Curve,
  type TrainingView,
} from '../../contracts/training-view.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows, type Row } from '../rows.js';
import { findDelivery } from '../delivery/view.js';
import { readGpuUsage } from '../gpu/sample.js';

/** A screen has no more columns, and a reader no more patience. */
const mostPoints = 500;
/** Each keeps its lowest and its highest point; the first and the last of all are stretches of their own. */
const stretches = (mostPoints - 2) / 2 - 1;

/** The training of a delivery with its curves, at most 500 points a metric. Throws DELIVERY_NOT_FOUND. */
export async function readTrainingView(
  db: Executor,
  model: string,
  delivery: number,
): Promise<TrainingView> {
  const { specDigest } = await findDelivery(db, model, delivery);
  const [spec] = await readRows(
    db,
    sql`SELECT content #> '{spec,training,resources}' AS resources FROM spec WHERE digest = ${specDigest}`,
  );
  const runs = await readRows(
    db,
    sql`SELECT r.*, p.step, p.total, p.message, p.remaining_seconds, p.at AS progress_at
      FROM training_run r LEFT JOIN training_progress p USING (key)
      WHERE r.model = ${model} AND r.delivery = ${delivery} AND r.trial = standing_trial(r.model, r.delivery) ORDER BY r.attempt`,
  );
  const curves = await readCurves(db, model, delivery);
  const gpus = await readGpuUsage(db, model, delivery);
  const attempts = runs.map((row) => {
    const key = String(row.key);
    return attemptOf(row, { curves: curves.get(key) ?? [], gpus: gpus.get(key) ?? [] });
  });
  return trainingView.parse({ model, delivery, resources: spec?.resources ?? null, attempts });
}

function attemptOf(row: Row, seen: Pick<AttemptView, 'curves' | 'gpus'>): AttemptView {
  const outcome = trainingOutcome.nullable().parse(row.outcome);
  return {
    attempt: Number(row.attempt),
    key: String(row.key),
    backend: String(row.backend),
    startedAt: instantOf(row.started_at) ?? '',
    endedAt: instantOf(row.ended_at),
    outcome: outcome && {
      kind: outcome.kind,
      code: outcome.kind === 'succeeded' ? 0 : outcome.code,
      reason: outcome.kind === 'succeeded' ? '' : outcome.reason,
    },
    progress:
      row.progress_at === null
        ? null
        : {
            step: Number(row.step),
            total: row.total === null ? null : Number(row.total),
            message: String(row.message),
            remainingSeconds: row.remaining_seconds === null ? null : Number(row.remaining_seconds),
            at: instantOf(row.progress_at) ?? '',
          },
    ...seen,
  };
}

async function readCurves(
  db: Executor,
  model: string,
  delivery: number,
): Promise<Map<string, Curve[]>> {
  const told = sql`m.value NOT IN ('NaN', 'Infinity', '-Infinity')`;
  const rows = await readRows(
    db,
    sql`WITH whole AS (
        SELECT m.key, m.name, count(*) AS points, min(m.step) AS first, max(m.step) AS last
        FROM metric m JOIN training_run r USING (key)
        WHERE r.model = ${model} AND r.delivery = ${delivery} AND ${told} GROUP BY m.key, m.name),
      stretched AS (
        SELECT m.key, m.name, min(ARRAY[m.value, m.step]) AS lowest, max(ARRAY[m.value, m.step]) AS highest
        FROM metric m JOIN whole USING (key, name) WHERE ${told}
        GROUP BY m.key, m.name, CASE WHEN points <= ${mostPoints} THEN m.step WHEN m.step = first THEN -1
          ELSE floor((m.step - first)::float8 / (last - first) * ${stretches})::int END)
      SELECT DISTINCT key, name, point[2]::int AS step, point[1] AS value
      FROM stretched, LATERAL (VALUES (lowest), (highest)) AS each (point) ORDER BY key, name, step`,
  );
  const curves = new Map<string, Curve[]>();
  for (const row of rows) {
    const key = String(row.key);
    const ofAttempt = curves.get(key) ?? [];
    const name = String(row.name);
    const last = ofAttempt.at(-1);
    const point = { step: Number(row.step), value: Number(row.value) };
    if (last?.name === name) last.points.push(point);
    else curves.set(key, [...ofAttempt, { name, points: [point] }]);
  }
  return curves;
}
