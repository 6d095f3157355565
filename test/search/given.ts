import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import type { Search } from '../../contracts/search.js';
import { modelSpec } from '../../contracts/spec.js';
import type { SearchKey, TrainModelInput } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import { registerSpec } from '../../db/model/spec.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';

const trainer = fileURLToPath(new URL('searched-trainer', import.meta.url));

export interface GivenSearch {
  key: SearchKey;
  channels: TrainModelInput['channels'];
  /** Where its trainer says what really ran. */
  ledger: string;
}

/** A running delivery of a model that is searched for. The plan says how good the trial is that begins first, second and so on. */
export async function givenSearch(
  { db, artifacts, folder }: { db: Database; artifacts: ArtifactStore; folder: string },
  plan: string,
  asked: Partial<Search> = {},
): Promise<GivenSearch> {
  const model = `searched-${crypto.randomUUID().slice(0, 8)}`;
  const ledger = join(folder, `ledger-${model}`);
  await mkdir(ledger);
  const spec = modelSpec.parse({
    apiVersion: 'perennial/v1',
    model,
    team: 'tests',
    owner: 'ann',
    data: {
      source: { format: 'parquet', path: 'rows.parquet', timeColumn: 'date' },
      entity: 'id',
      features: [{ name: 'distance', type: 'number' }],
      label: { expression: 'late' },
      contract: 'contract.yaml',
    },
    training: {
      trainer,
      parameters: { plan, ledger },
      search: {
        parameters: { rate: { type: 'float', low: 0.01, high: 1, log: true } },
        metric: 'loss',
        direction: 'minimize',
        trials: plan.split(' ').length,
        ...asked,
      },
    },
  });
  const { digest } = await registerSpec(db, {
    content: { spec, contract: {}, base: '/nowhere' },
    by: 'ann',
  });
  await db.execute(sql`
    INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage)
    VALUES (${model}, 1, ${`deliver/${model}`}, ${crypto.randomUUID()}, 'manual', 'ann', ${digest}, 'train')`);
  const rows = await artifacts.keepBytes('rows', 'channel');
  return {
    key: { model, delivery: 1, specDigest: digest },
    channels: { train: rows, holdout: rows },
    ledger,
  };
}
