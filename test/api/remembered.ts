import { sql } from 'drizzle-orm';
import { contractTemplate, specTemplate } from '../../cli/init/spec-template.js';
import { parseContract, parseSpec } from '../../client/spec-file.js';
import type { Database } from '../../db/connect.js';

/** What a team would apply for this model. */
export function applicationOf(model: string, change: (text: string) => string = (text) => text) {
  return {
    spec: parseSpec(change(specTemplate(model, 'ada'))),
    contract: parseContract(contractTemplate(model)),
    base: '/srv/models',
    by: 'ada',
  };
}

export const digest = (letter: string) => letter.repeat(64);

/** An ended delivery with a version, its gate and its approval, as the stages leave them behind. */
export async function rememberVersion(
  db: Database,
  {
    model,
    version,
    specDigest,
    standing = 'approved',
  }: {
    model: string;
    version: number;
    specDigest: string;
    standing?: 'open' | 'approved' | 'rejected';
  },
): Promise<void> {
  const artifact = { uri: 'file:///a', sha256: digest('a'), bytes: 3, schemaVersion: 1 };
  const evidence = digest(String(version));
  const content = {
    schemaVersion: 1,
    model,
    delivery: version,
    modelSha256: digest('a'),
    evaluationSha256: digest('b'),
    snapshotDigest: digest('c'),
    policyDigest: digest('d'),
    specDigest,
  };
  const lineage = {
    specDigest,
    snapshotDigest: digest('c'),
    trainSha256: digest('1'),
    holdoutSha256: digest('2'),
    evaluationSha256: digest('b'),
    codeRevision: 'abc',
    trainer: 'tabular',
    trainerEnvironment: digest('e'),
    parameters: { rounds: 10 },
    seed: 1,
  };
  const gate = {
    name: 'primary',
    verdict: 'pass',
    value: 0.01,
    lower: -0.002,
    upper: 0.02,
    bound: -0.01,
    rows: 900,
    reason: 'not worse',
  };
  const closed = standing === 'open' ? sql`NULL` : sql`now()`;
  const outcome = { open: null, approved: 'promoted', rejected: 'rejected' }[standing];
  await db.execute(sql`INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage, outcome, closed_at)
    VALUES (${model}, ${version}, ${`deliver/${model}`}, ${`${model}-run-${version}`}, 'manual', 'ada', ${specDigest}, ${standing === 'open' ? 'approve' : 'done'}, ${outcome}, ${closed})`);
  await db.execute(sql`INSERT INTO delivery_stage (model, delivery, stage, started_at, ended_at)
    VALUES (${model}, ${version}, 'ingest', now() - interval '5 seconds', now() - interval '3 seconds')`);
  await db.execute(
    sql`INSERT INTO gate_verdict (model, delivery, name, verdict, finding) VALUES (${model}, ${version}, 'primary', 'pass', ${JSON.stringify(gate)})`,
  );
  await db.execute(sql`INSERT INTO version (model, version, delivery, artifact, reference, golden, evidence, evidence_content, metrics, lineage)
    VALUES (${model}, ${version}, ${version}, ${JSON.stringify(artifact)}, ${JSON.stringify(artifact)}, ${JSON.stringify(artifact)}, ${evidence},
      ${JSON.stringify(content)}, '{"roc_auc": 0.7}', ${JSON.stringify(lineage)})`);
  await db.execute(sql`INSERT INTO approval (model, delivery, version, evidence, policy, requested_by, summary, standing, expires_at)
    VALUES (${model}, ${version}, ${version}, ${evidence}, '{"approvers": ["bob"], "quorum": 1}', 'ada', 'ROC-AUC 0.70', ${standing}, now() + interval '90 days')`);
  if (standing !== 'open')
    await db.execute(sql`INSERT INTO vote (model, delivery, by, vote, reason, evidence)
      VALUES (${model}, ${version}, 'bob', ${standing === 'approved' ? 'approve' : 'reject'}, 'looked at it', ${evidence})`);
}

/** Makes a version champion with everything on it, as a promotion does. */
export async function rememberChampion(
  db: Database,
  model: string,
  version: number,
): Promise<void> {
  await db.execute(sql`INSERT INTO alias (model, name, version) VALUES (${model}, 'champion', ${version})
    ON CONFLICT (model, name) DO UPDATE SET version = excluded.version`);
  const arms = [{ version, share: 1, role: 'champion' }];
  await db.execute(sql`INSERT INTO route (model, revision, salt, arms, act, reason)
    SELECT ${model}, coalesce(max(revision), 0) + 1, ${model}, ${JSON.stringify(arms)}::jsonb, ${`promote/${version}`}, 'promoted' FROM route WHERE model = ${model}`);
  await db.execute(sql`INSERT INTO release (run_id, model, version, champion, delivery, workflow_id, status, steps, requested_by, started_at, ended_at)
    VALUES (${`release-${model}-${version}`}, ${model}, ${version}, NULL, ${version}, ${`release/${model}`}, 'promoted', '[{"kind":"promote"}]', 'ada', clock_timestamp(), clock_timestamp())`);
}
