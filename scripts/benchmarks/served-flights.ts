import { sql } from 'drizzle-orm';
import type { Database } from '../../db/connect.js';
import { buildReferenceProfile } from '../../drift/reference.js';
import { pickGolden } from '../../evaluation/golden.js';
import { openOnnxModel } from '../../evaluation/onnx-model.js';
import { championArms } from '../../release/arms.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { drawFlights, features } from './drawn-flights.js';

export const model = 'flights';

/** Puts a model with one version on the air, as a delivery would. */
export async function serveFlights(
  db: Database,
  artifacts: ArtifactStore,
  file: string,
): Promise<void> {
  const { artifact, reference, golden } = await describeVersion(artifacts, file);
  const digest = '0'.repeat(64);
  const content = JSON.stringify({ spec: { model, monitoring: { window: '1h' } } });
  const arms = JSON.stringify(championArms(1));
  for (const statement of [
    sql`INSERT INTO model (name, team) VALUES (${model}, 'bench')`,
    sql`INSERT INTO spec (digest, model, content, registered_by) VALUES (${digest}, ${model}, ${content}, 'bench')`,
    sql`UPDATE model SET current_spec = ${digest} WHERE name = ${model}`,
    sql`INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage, outcome, closed_at)
      VALUES (${model}, 1, 'deliver/flights', 'bench', 'manual', 'bench', ${digest}, 'done', 'promoted', now())`,
    sql`INSERT INTO version (model, version, delivery, artifact, reference, golden, evidence, evidence_content, metrics, lineage)
      VALUES (${model}, 1, 1, ${artifact}, ${reference}, ${golden}, ${digest}, '{}', '{}', '{}')`,
    sql`INSERT INTO route (model, revision, salt, arms, act, reason)
      VALUES (${model}, 1, 'bench', ${arms}, 'bench/1', 'a benchmark')`,
  ])
    await db.execute(statement);
}

/** What a version brings with it, as JSON of artifact references. */
async function describeVersion(
  artifacts: ArtifactStore,
  file: string,
): Promise<Record<'artifact' | 'reference' | 'golden', string>> {
  const columns = drawFlights(2_000, 'hold-out');
  const onnx = await openOnnxModel({ path: file, threads: 1, features });
  const scores = Float64Array.from(await onnx.run(columns));
  await onnx.close();
  const labels = Uint8Array.from(scores, (_, row) => row % 2);
  const profile = buildReferenceProfile({ features, columns, scores, labels });
  const golden = pickGolden(columns, scores, { count: 256, seed: 'bench' });
  return {
    artifact: JSON.stringify(await artifacts.keepFile(file, 'model')),
    reference: JSON.stringify(await artifacts.keepBytes(JSON.stringify(profile), 'reference')),
    golden: JSON.stringify(await artifacts.keepBytes(JSON.stringify(golden), 'golden')),
  };
}
