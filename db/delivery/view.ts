import { sql, type SQL } from 'drizzle-orm';
import { approvalView, evidence, type ApprovalView } from '../../contracts/approval.js';
import {
  deliveryView,
  versionView,
  type DeliveryView,
  type VersionView,
} from '../../contracts/delivery.js';
import { PerennialError } from '../../contracts/errors.js';
import type { DeliveryDetail, Lineage } from '../../contracts/overview.js';
import { snapshotManifest } from '../../contracts/dataset.js';
import { finding, type Finding } from '../../contracts/verdict.js';
import type { Executor } from '../connect.js';
import { listAwaitedMoney } from '../money/money-wait.js';
import { instantOf, readRows } from '../model/overview.js';
import { lookAtPlacement } from '../gpu/placement-view.js';
import { findReleaseOf } from '../release/view.js';
import { listTrialEvents, trialsOf } from '../training/trial.js';

type Row = Record<string, unknown>;

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

const approvals = sql`
  SELECT a.*,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('by', by, 'vote', vote, 'reason', reason, 'at', at) ORDER BY at), '[]')
     FROM vote WHERE model = a.model AND delivery = a.delivery) AS votes
  FROM approval a`;

function approvalOf(row: Row): ApprovalView {
  const policy = row.policy as { approvers?: string[]; quorum?: number };
  const votes = row.votes as { by: string; vote: string; reason: string; at: string }[];
  return approvalView.parse({
    model: row.model,
    delivery: row.delivery,
    version: row.version,
    evidence: row.evidence,
    standing: row.standing,
    approvers: policy.approvers ?? [],
    quorum: policy.quorum ?? 1,
    requestedBy: row.requested_by,
    openedAt: instantOf(row.opened_at),
    expiresAt: instantOf(row.expires_at),
    votes: votes.map((vote) => ({ ...vote, at: instantOf(vote.at) })),
    summary: row.summary,
  });
}

async function findApproval(db: Executor, where: SQL): Promise<ApprovalView | null> {
  const [row] = await readRows(
    db,
    sql`${approvals} WHERE ${where} ORDER BY a.delivery DESC LIMIT 1`,
  );
  return row ? approvalOf(row) : null;
}

/** Everything that waits for a vote, the oldest first. */
export async function listOpenApprovals(db: Executor): Promise<ApprovalView[]> {
  const rows = await readRows(db, sql`${approvals} WHERE a.standing = 'open' ORDER BY a.opened_at`);
  return rows.map(approvalOf);
}

/** The approval of a model that waits for votes, or null. */
export function findOpenApproval(db: Executor, model: string): Promise<ApprovalView | null> {
  return findApproval(db, sql`a.model = ${model} AND a.standing = 'open'`);
}

const versions = sql`
  SELECT v.*, (SELECT coalesce(jsonb_agg(name ORDER BY name), '[]') FROM alias WHERE model = v.model AND version = v.version) AS aliases
  FROM version v`;

function versionOf(row: Row): VersionView {
  return versionView.parse({
    model: row.model,
    version: row.version,
    delivery: row.delivery,
    artifact: row.artifact,
    evidence: row.evidence,
    metrics: row.metrics,
    lineage: row.lineage,
    aliases: row.aliases,
    createdAt: instantOf(row.created_at),
  });
}

/** Versions of a model, the newest first. */
export async function listVersionViews(
  db: Executor,
  model: string,
  limit: number,
): Promise<VersionView[]> {
  const rows = await readRows(
    db,
    sql`${versions} WHERE v.model = ${model} ORDER BY v.version DESC LIMIT ${limit}`,
  );
  return rows.map(versionOf);
}

async function listFindings(
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

/** Where a version comes from. Throws VERSION_NOT_FOUND. */
export async function readLineage(db: Executor, model: string, version: number): Promise<Lineage> {
  const [row] = await readRows(
    db,
    sql`${versions} WHERE v.model = ${model} AND v.version = ${version}`,
  );
  if (!row)
    throw new PerennialError('VERSION_NOT_FOUND', `Model '${model}' has no version ${version}.`);
  const view = versionOf(row);
  const digest = view.lineage.snapshotDigest;
  const [snapshot] = await readRows(db, sql`SELECT content FROM snapshot WHERE digest = ${digest}`);
  const [prices] = await readRows(
    db,
    sql`SELECT p.number, p.digest FROM training_account a JOIN price_book p ON p.number = a.price_book
      WHERE a.model = ${model} AND a.delivery = ${view.delivery} ORDER BY p.number DESC LIMIT 1`,
  );
  return {
    version: view,
    delivery: await findDelivery(db, model, view.delivery),
    evidence: evidence.parse(row.evidence_content),
    snapshot: snapshot ? { digest, manifest: snapshotManifest.parse(snapshot.content) } : null,
    priceBook: prices ? { number: Number(prices.number), digest: String(prices.digest) } : null,
    approval: await findApproval(db, sql`a.model = ${model} AND a.version = ${version}`),
    gates: await listFindings(db, 'gate_verdict', model, view.delivery),
    trials: trialsOf(await listTrialEvents(db, { model, delivery: view.delivery })),
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
