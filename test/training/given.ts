import { sql } from 'drizzle-orm';
import type { Resources } from '../../contracts/resources.js';
import { modelSpec } from '../../contracts/spec.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import { registerSpec } from '../../db/model/spec.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { trainingKey } from '../../training/key.js';
import { scriptedTrainer } from './job.js';

export const installation = 'test';

/** A running delivery of a model that the scripted trainer trains, and its first attempt. */
export async function givenTraining(
  { db, artifacts }: { db: Database; artifacts: ArtifactStore },
  script: string,
  training: {
    timeout?: string;
    heartbeat?: string;
    progressEvery?: string;
    trainer?: string;
    resources?: Resources;
    replicas?: number;
    priority?: number;
  } = {},
): Promise<SuperviseTrainingInput> {
  const model = `scripted-${crypto.randomUUID().slice(0, 8)}`;
  const spec = modelSpec.parse({
    apiVersion: 'perennial/v1',
    model,
    team: 'tests',
    owner: 'ann',
    data: {
      source: { format: 'parquet', path: 'rows.parquet', timeColumn: 'date' },
      entity: 'id',
      features: [
        { name: 'distance', type: 'number' },
        { name: 'origin', type: 'category' },
      ],
      label: { expression: 'late' },
      contract: 'contract.yaml',
    },
    training: { trainer: scriptedTrainer, parameters: { script }, seed: 7, ...training },
  });
  const content = { spec, contract: {}, base: '/nowhere' };
  const { digest } = await registerSpec(db, { content, by: 'ann' });
  await db.execute(sql`
    INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage)
    VALUES (${model}, 1, ${`deliver/${model}`}, ${crypto.randomUUID()}, 'manual', 'ann', ${digest}, 'train')`);
  const rows = await artifacts.keepBytes('rows', 'channel');
  return {
    model,
    delivery: 1,
    attempt: 1,
    key: trainingKey({ installation, model, delivery: 1, attempt: 1 }),
    specDigest: digest,
    channels: { train: rows, holdout: rows },
  };
}
