import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { ModelCost, Trained } from '../../contracts/cost.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { readGpuUsage } from '../gpu/sample.js';
import { addSpent, kwhOf } from './spent.js';

/** Whole numbers of the ledger, summed over one attempt. */
const row = z.object({
  key: z.string(),
  delivery: z.int(),
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

export interface TrainingCost {
  energyFrom: ModelCost['energyFrom'];
  /** Held for trainings that run. */
  reserved: number;
  /** The newest first. */
  deliveries: { delivery: number; attempts: number; used: Trained }[];
}

export const untrained: Trained = { amount: 0, seconds: 0, energyKwh: 0, carbonGrams: 0 };

/** What the model's trainings cost so far. */
export async function readTrainingCost(db: Executor, model: string): Promise<TrainingCost> {
  const rows = await readAccounts(db, model);
  const measured = await measuredJoules(db, model, rows);
  const deliveries = [...new Set(rows.map(({ delivery }) => delivery))].map((delivery) => {
    const attempts = rows.filter((each) => each.delivery === delivery);
    const used = attempts.map((each) => usedBy(each, measured.get(each.key)));
    return { delivery, attempts: attempts.length, used: used.reduce(addTrained, untrained) };
  });
  return {
    energyFrom: energySource(rows.length, measured.size),
    reserved: rows.reduce((sum, { reserved }) => sum + reserved, 0),
    deliveries,
  };
}

async function readAccounts(db: Executor, model: string): Promise<Row[]> {
  const found = await readRows(
    db,
    sql`SELECT a.key, a.delivery, a.spent::float8, a.milliseconds::float8, a.millijoules::float8, a.micrograms::float8,
        CASE WHEN a.settled_at IS NULL THEN a.reserved ELSE 0 END::float8 AS reserved,
        (a.rate ->> 'gpuWatts')::float8 AS "gpuWatts", (a.rate ->> 'pue')::float8 AS pue,
        EXISTS (SELECT 1 FROM gpu_sample g WHERE g.key = a.key) AS sampled
      FROM training_account a
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
function usedBy(account: Row, joules: number | undefined): Trained {
  const { spent, milliseconds, millijoules, micrograms, gpuWatts, pue } = account;
  const energy =
    joules === undefined
      ? millijoules
      : Math.max(0, millijoules - gpuWatts * milliseconds) + joules * 1_000 * pue;
  const share = millijoules > 0 ? energy / millijoules : 0;
  return {
    amount: spent,
    seconds: milliseconds / 1_000,
    energyKwh: kwhOf(energy),
    carbonGrams: (micrograms * share) / 1e6,
  };
}

function energySource(attempts: number, measured: number): ModelCost['energyFrom'] {
  if (attempts === 0) return 'none';
  if (measured === 0) return 'price-book';
  return measured === attempts ? 'measured' : 'both';
}

export function addTrained(one: Trained, other: Trained): Trained {
  return { ...addSpent(one, other), seconds: one.seconds + other.seconds };
}
