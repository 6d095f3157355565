import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { ModelCost, Served, Spent, Trained, VersionCost } from '../../contracts/cost.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { newestPriceBook } from './price-book.js';
import { addServed, readServingCost, unserved } from './serving-cost.js';
import { addSpent, spreadOver } from './spent.js';
import { addTrained, readTrainingCost, untrained } from './training-cost.js';

const row = z.object({ version: z.int(), delivery: z.int(), predictions: z.number() });
type Row = z.infer<typeof row>;

/** What the model's trainings and its answers cost so far, by delivery and by version, the newest first. */
export async function readModelCost(db: Executor, model: string): Promise<ModelCost> {
  const prices = await newestPriceBook(db);
  const trained = await readTrainingCost(db, model);
  const served = await readServingCost(db, model);
  const versions = await readVersions(db, model);
  const training = trained.deliveries.map(({ used }) => used).reduce(addTrained, untrained);
  const serving = [...served.values()].reduce(addServed, unserved);
  return {
    model,
    currency: prices?.content.currency ?? null,
    energyFrom: trained.energyFrom,
    total: addSpent(training, serving),
    training,
    serving,
    reserved: trained.reserved,
    deliveries: trained.deliveries.map(({ delivery, attempts, used }) => {
      const version = versions.find((each) => each.delivery === delivery)?.version ?? null;
      return { delivery, version, attempts, ...used };
    }),
    versions: versions.flatMap((version) => {
      const delivery = trained.deliveries.find((each) => each.delivery === version.delivery);
      const answered = served.get(version.version);
      if (!delivery && !answered) return [];
      return [costOf(version, delivery?.used ?? untrained, answered ?? unserved)];
    }),
  };
}

async function readVersions(db: Executor, model: string): Promise<Row[]> {
  const found = await readRows(
    db,
    sql`SELECT v.version, v.delivery, coalesce(p.predictions, 0)::float8 AS predictions
      FROM version v LEFT JOIN (
        SELECT version, sum((counts ->> 'requests')::bigint) AS predictions FROM window_count WHERE model = ${model} GROUP BY version
      ) p USING (version)
      WHERE v.model = ${model} ORDER BY v.version DESC`,
  );
  return found.map((each) => row.parse(each));
}

function costOf(version: Row, trained: Trained, served: Served): VersionCost {
  const training = spreadOver(version.predictions, trained);
  const serving = spreadOver(served.predictions, served);
  return {
    ...version,
    total: { ...addSpent(trained, served), perThousand: together(training, serving) },
    training: { ...trained, perThousand: training },
    serving: { ...served, perThousand: serving },
  };
}

function together(training: Spent | null, serving: Spent | null): Spent | null {
  if (training === null || serving === null) return training ?? serving;
  return addSpent(training, serving);
}
