import { sql } from 'drizzle-orm';
import type { ModelSpecInput } from '../../contracts/spec.js';
import type { Database } from '../../db/connect.js';
import { digestOf } from '../../runtime/digest.js';
import { giveSpec } from '../support/given-model.js';
import { givenData, givenSpec } from '../support/given-spec.js';

export const model = 'flight-delay';

/** A model with a spec, as `apply` leaves it; answers with the spec's digest. */
export async function giveModel(
  db: Database,
  settings: Pick<ModelSpecInput, 'release' | 'monitoring'> = {},
): Promise<string> {
  const spec = givenSpec(model, {
    team: 'network-operations',
    owner: 'ada',
    data: { ...givenData, window: '30d' },
    ...settings,
  });
  return giveSpec(db, spec);
}

/** A registered version with its delivery (of the same number) and its approval. */
export async function giveVersion(
  db: Database,
  {
    number,
    specDigest,
    standing = 'approved',
    approvedEvidence,
    reference = nowhere,
  }: {
    number: number;
    specDigest: string;
    standing?: string;
    approvedEvidence?: string;
    reference?: object;
  },
): Promise<void> {
  const evidence = digestOf({ version: number });
  await db.execute(sql`
    INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage, outcome, closed_at)
    VALUES (${model}, ${number}, ${`deliver/${model}`}, ${`run-${number}`}, 'manual', 'ada', ${specDigest}, 'release', 'promoted', now())`);
  await db.execute(sql`
    INSERT INTO version (model, version, delivery, artifact, reference, golden, evidence, evidence_content, metrics, lineage)
    VALUES (${model}, ${number}, ${number}, ${nowhere}, ${reference}, ${nowhere}, ${evidence}, '{}', '{}', '{}')`);
  await db.execute(sql`
    INSERT INTO approval (model, delivery, version, evidence, policy, requested_by, summary, standing, expires_at)
    VALUES (${model}, ${number}, ${number}, ${approvedEvidence ?? evidence}, '{}', 'ada', '', ${standing}, now() + interval '1 day')`);
}

const nowhere = { uri: 'file:///nowhere', sha256: '0'.repeat(64), bytes: 0, schemaVersion: 1 };
