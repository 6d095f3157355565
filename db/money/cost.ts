import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { ModelCost } from '../../contracts/cost.js';
import type { Executor } from '../connect.js';
import { readGpuUsage } from '../gpu/sample.js';
import { readRows } from '../model/overview.js';
import { newestPriceBook } from './price-book.js';

/** Whole numbers of the ledger, summed over the attempts of a delivery. */
const row = z.object({
  key: z.string(),
  delivery: z.int(),
  version: z.int().nullable(),
  predictions: z.number(),
  spent: z.number(),
  reserved: z.number(),
  milliseconds: z.number(),
  millijoules: z.number(),
  micrograms: z.number(),
  gpuWatts: z.number(),
  pue: z.number(),
  sampled: z.boolean(),
});
type Row = z.infer<typeof row>;

interface Used {
  amount: number;
  seconds: number;
  energyKwh: number;
  carbonGrams: number;
}

const millijoulesPerKwh = 3.6e9;
const nothing: Used = { amount: 0, seconds: 0, energyKwh: 0, carbonGrams: 0 };

/** What the model's trainings cost so far, by delivery and by version, the newest first. */
export async function readModelCost(db: Executor, model: string): Promise<ModelCost> {
  const prices = await newestPriceBook(db);
  const rows = await readAccounts(db, model);
  const measured = await measuredJoules(db, model, rows);
  const deliveries = [...new Set(rows.map(({ delivery }) => delivery))].map((delivery) => {
    const attempts = rows.filter((each) => each.delivery === delivery);
    const { version = null, predictions = 0 } = attempts[0] ?? {};
    const used = attempts.map((each) => usedBy(each, measured.get(each.key))).reduce(add, nothing);
    return { delivery, version, predictions, attempts: attempts.length, used };
  });
  return {
    model,
    currency: prices?.content.currency ?? null,
    energyFrom: energySource(rows.length, measured.size),
    total: deliveries.map(({ used }) => used).reduce(add, nothing),
    reserved: rows.reduce((sum, { reserved }) => sum + reserved, 0),
    deliveries: deliveries.map(({ delivery, version, attempts, used }) => ({
      delivery,
      version,
      attempts,
      ...used,
    })),
    versions: deliveries.flatMap(({ delivery, version, predictions, used }) =>
      version === null
        ? []
        : [
            {
              version,
              delivery,
              ...used,
              predictions,
              perThousand: perThousand(used, predictions),
            },
          ],
    ),
  };
}

async function readAccounts(db: Executor, model: string): Promise<Row[]> {
  const found = await readRows(
    db,
    sql`SELECT a.key, a.delivery, v.version, a.spent::float8, a.milliseconds::float8, a.millijoules::float8, a.micrograms::float8,
        CASE WHEN a.settled_at IS NULL THEN a.reserved ELSE 0 END::float8 AS reserved,
        (a.rate ->> 'gpuWatts')::float8 AS "gpuWatts", (a.rate ->> 'pue')::float8 AS pue,
        EXISTS (SELECT 1 FROM gpu_sample g WHERE g.key = a.key) AS sampled,
        coalesce(p.predictions, 0)::float8 AS predictions
      FROM training_account a
      LEFT JOIN version v ON v.model = a.model AND v.delivery = a.delivery
      LEFT JOIN (
        SELECT version, sum((counts ->> 'requests')::bigint) AS predictions FROM window_count WHERE model = ${model} GROUP BY version
      ) p ON p.version = v.version
      WHERE a.model = ${model} ORDER BY a.delivery DESC, a.key`,
  );
  return found.map((each) => row.parse(each));
}

/** Joules that the GPUs' own meters tell, by attempt; attempts that nobody looked at are not among them. */
async function measuredJoules(
  db: Executor,
  model: string,
  rows: Row[],
): Promise<Map<string, number>> {
  const joules = new Map<string, number>();
  const sampled = new Set(rows.filter((each) => each.sampled).map(({ delivery }) => delivery));
  for (const delivery of sampled)
    for (const [key, gpus] of await readGpuUsage(db, model, delivery)) {
      const told = gpus.map((gpu) => gpu.joules).filter((each) => each !== null);
      if (told.length > 0)
        joules.set(
          key,
          told.reduce((sum, each) => sum + each, 0),
        );
    }
  return joules;
}

/** Where the GPUs tell their energy it stands in place of the price book's watts for them; carbon follows the energy. */
function usedBy(account: Row, joules: number | undefined): Used {
  const { spent, milliseconds, millijoules, micrograms, gpuWatts, pue } = account;
  const energy =
    joules === undefined
      ? millijoules
      : Math.max(0, millijoules - gpuWatts * milliseconds) + joules * 1_000 * pue;
  const share = millijoules > 0 ? energy / millijoules : 0;
  return {
    amount: spent,
    seconds: milliseconds / 1_000,
    energyKwh: energy / millijoulesPerKwh,
    carbonGrams: (micrograms * share) / 1e6,
  };
}

function energySource(attempts: number, measured: number): ModelCost['energyFrom'] {
  if (attempts === 0) return 'none';
  if (measured === 0) return 'price-book';
  return measured === attempts ? 'measured' : 'both';
}

function add(one: Used, other: Used): Used {
  return {
    amount: one.amount + other.amount,
    seconds: one.seconds + other.seconds,
    energyKwh: one.energyKwh + other.energyKwh,
    carbonGrams: one.carbonGrams + other.carbonGrams,
  };
}

function perThousand({ amount, energyKwh, carbonGrams }: Used, predictions: number) {
  if (predictions === 0) return null;
  const share = 1_000 / predictions;
  return {
    amount: Math.round(amount * share),
    energyKwh: energyKwh * share,
    carbonGrams: carbonGrams * share,
  };
}
