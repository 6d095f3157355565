import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Search } from '../../contracts/search.js';
import type { SearchKey, TrainModelInput } from '../../contracts/stages.js';
import type { Database } from '../../db/connect.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { giveDelivery, giveSpec } from '../support/given-model.js';
import { givenSpec } from '../support/given-spec.js';

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
  const spec = givenSpec(model, {
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
  const specDigest = await giveSpec(db, spec);
  await giveDelivery(db, { model, specDigest });
  const rows = await artifacts.keepBytes('rows', 'channel');
  return {
    key: { model, delivery: 1, specDigest },
    channels: { train: rows, holdout: rows },
    ledger,
  };
}
