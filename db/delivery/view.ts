import { sql } from 'drizzle-orm';
import { deliveryView, type DeliveryView } from '../../contracts/delivery.js';
import { PerennialError } from '../../contracts/errors.js';
import type { DeliveryDetail } from '../../contracts/overview.js';
import { finding, type Finding } from '../../contracts/verdict.js';
import type { Executor } from '../connect.js';
import { lookAtPlacement } from '../gpu/placement-view.js';
import { listAwaitedMoney } from '../money/money-wait.js';
import { findReleaseOf } from '../release/view.js';
import { instantOf, readRows, type Row } from '../rows.js';
import { findApproval } from './approval-view.js';

const deliveries = sql`
  SELECT d.*, v.version,
    (SELECT coalesce(jsonb_object_agg(stage, extract(epoch FROM coalesce(ended_at, d.closed_at, now()) - started_at)), '{}')
     FROM delivery_stage WHERE model = d.model AND delivery = d.number) AS seconds
  FROM delivery d LEFT JOIN version v ON v.model = d.model AND v.delivery = d.number`;

function deliveryOf(row: Row): DeliveryView {
  return deliveryView.parse({
    model: row.model,
    number: row.number,
    workflowId: row.workflow_id,
    runId: row.first_run_id,
    trigger: row.trigger,
    requestedBy: row.requested_by,
    reason: row.reason,
    stage: row.stage,
    outcome: row.outcome,
    explanation: row.explanation,
    specDigest: row.spec_digest,
    version: row.version,
    openedAt: instantOf(row.opened_at),
    closedAt: instantOf(row.closed_at),
    seconds: row.seconds,
  });
}

/** Deliveries of a model, the newest first; the one that a chain of runs opened where `runId` names its first run. */
export async function listDeliveries(
  db: Executor,
  model: string,
  { limit, runId }: { limit: number; runId?: string | undefined },
): Promise<DeliveryView[]> {
  const chain = runId === undefined ? sql`true` : sql`d.first_run_id = ${runId}`;
  const rows = await readRows(
    db,
    sql`${deliveries} WHERE d.model = ${model} AND ${chain} ORDER BY d.number DESC LIMIT ${limit}`,
  );
  return rows.map(deliveryOf);
}

/** One delivery. Throws DELIVERY_NOT_FOUND. */
export async function findDelivery(
  db: Executor,
  model: string,
  number: number,
): Promise<DeliveryView> {
  const [row] = await readRows(
    db,
    sql`${deliveries} WHERE d.model = ${model} AND d.number = ${number}`,
  );
  if (!row)
    throw new PerennialError('DELIVERY_NOT_FOUND', `Model '${model}' has no delivery ${number}.`);
  return deliveryOf(row);
}

/** What the checks of the data, or the gates of the evaluation, found in a delivery. */
export async function listFindings(
  db: Executor,
  table: 'check_result' | 'gate_verdict',
  model: string,
  delivery: number,
): Promise<Finding[]> {
  const rows = await readRows(
    db,
    sql`SELECT finding FROM ${sql.identifier(table)} WHERE model = ${model} AND delivery = ${delivery} ORDER BY name`,
  );
  return rows.map((row) => finding.parse(row.finding));
}

async function findTraining(
  db: Executor,
  model: string,
  delivery: number,
): Promise<DeliveryDetail['training']> {
  const [run, before] = await readRows(
    db,
    sql`SELECT r.attempt, key, r.outcome->>'reason' AS reason, p.step, p.total
        FROM training_run r LEFT JOIN training_progress p USING (key) WHERE model = ${model} AND delivery = ${delivery}
        AND trial = standing_trial(model, delivery) ORDER BY r.attempt DESC LIMIT 2`,
  );
  if (!run) return null;
  const rows = await readRows(
    db,
    sql`SELECT DISTINCT ON (name) name, step, value FROM metric WHERE key = ${run.key} ORDER BY name, step DESC`,
  );
  return {
    attempt: Number(run.attempt),
    retried: typeof before?.reason === 'string' ? before.reason : null,
    step: run.step === null ? null : Number(run.step),
    total: run.total === null ? null : Number(run.total),
    metrics: Object.fromEntries(rows.map((row) => [String(row.name), Number(row.value)])),
    waits: (await lookAtPlacement(db, String(run.key))).waits,
  };
}

/** One delivery with all that was judged on its way. Throws DELIVERY_NOT_FOUND. */
export async function readDeliveryDetail(
  db: Executor,
  model: string,
  number: number,
): Promise<DeliveryDetail> {
  const [money] = await listAwaitedMoney(db, { scope: 'delivery', name: `${model}/${number}` });
  return {
    delivery: await findDelivery(db, model, number),
    checks: await listFindings(db, 'check_result', model, number),
    gates: await listFindings(db, 'gate_verdict', model, number),
    approval: await findApproval(db, sql`a.model = ${model} AND a.delivery = ${number}`),
    release: await findReleaseOf(db, model, number),
    ...(money && { money }),
    training: await findTraining(db, model, number),
  };
}

/** What a running delivery was asked for, to compare another request with it. */
export interface RunningRequest {
  number: number;
  stage: string;
  /** True in the moment between its last mark and the end of its workflow. */
  ended: boolean;
  specDigest: string;
  window: { from: string; to: string } | null;
}

/** The delivery that the chain beginning with this run opened; null while it has not opened one yet. */
export async function findRunningRequest(
  db: Executor,
  model: string,
  firstRunId: string,
): Promise<RunningRequest | null> {
  const [row] = await readRows(
    db,
    sql`SELECT number, stage, outcome, spec_digest, window_from, window_to FROM delivery WHERE model = ${model} AND first_run_id = ${firstRunId}`,
  );
  if (!row) return null;
  const [from, to] = [instantOf(row.window_from), instantOf(row.window_to)];
  return {
    number: Number(row.number),
    stage: String(row.stage),
    ended: row.outcome !== null,
    specDigest: String(row.spec_digest),
    window: from && to ? { from, to } : null,
  };
}
