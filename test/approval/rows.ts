import { sql } from 'drizzle-orm';
import type { ApprovalPolicy } from '../../contracts/spec.js';
import type { Database } from '../../db/connect.js';
import { openDeliveryRow } from '../../db/delivery/delivery.js';
import { approval } from '../../db/schema/approval.js';

let models = 0;

/** A model with a spec. The spec's content does not matter to these tests. */
async function newModel(db: Database): Promise<{ model: string; specDigest: string }> {
  models += 1;
  const model = `model-${models}`;
  const specDigest = `spec-of-${model}`;
  await db.execute(sql`INSERT INTO model (name, team) VALUES (${model}, 'team')`);
  await db.execute(
    sql`INSERT INTO spec (digest, model, content, registered_by) VALUES (${specDigest}, ${model}, '{}', 'alice')`,
  );
  return { model, specDigest };
}

/** A delivery with a version to approve. */
export async function newDelivery(db: Database): Promise<{ model: string; delivery: number }> {
  const { model, specDigest } = await newModel(db);
  const { number } = await openDeliveryRow(db, {
    model,
    specDigest,
    requestedBy: 'alice',
    workflowId: `deliver/${model}`,
    firstRunId: `run-of-${model}`,
  });
  await db.execute(
    sql`INSERT INTO version (model, version, delivery, artifact, reference, golden, evidence, evidence_content, metrics, lineage)
        VALUES (${model}, 1, ${number}, '{}', '{}', '{}', ${'e'.repeat(64)}, '{}', '{}', '{}')`,
  );
  return { model, delivery: number };
}

export async function openApprovalRow(
  db: Database,
  key: { model: string; delivery: number },
  {
    expiresAt = new Date(Date.now() + 86_400_000),
    ...change
  }: Partial<ApprovalPolicy> & { expiresAt?: Date },
): Promise<void> {
  const policy: ApprovalPolicy = {
    approvers: ['bob'],
    quorum: 1,
    selfApproval: false,
    remindAfter: '1d',
    escalateAfter: '7d',
    escalateTo: [],
    expireAfter: '90d',
    ...change,
  };
  await db.insert(approval).values({
    ...key,
    version: 1,
    evidence: 'e'.repeat(64),
    policy,
    requestedBy: 'alice',
    summary: 'Version 1.',
    standing: 'open',
    expiresAt,
  });
}
