import { sql } from 'drizzle-orm';
import { evidence } from '../../contracts/approval.js';
import { snapshotManifest } from '../../contracts/dataset.js';
import { versionView, type VersionView } from '../../contracts/delivery.js';
import { PerennialError } from '../../contracts/errors.js';
import type { Lineage } from '../../contracts/overview.js';
import type { Executor } from '../connect.js';
import { findApproval } from '../delivery/approval-view.js';
import { findDelivery, listFindings } from '../delivery/view.js';
import { instantOf, readRows, type Row } from '../rows.js';
import { listTrialEvents, trialsOf } from '../training/trial.js';

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
