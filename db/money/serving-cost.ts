import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { Served } from '../../contracts/cost.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { addSpent, kwhOf } from './spent.js';

const row = z.object({
  version: z.int(),
  predictions: z.number(),
  processorMicros: z.number(),
  mebibyteMillis: z.number(),
  amount: z.number(),
  millijoules: z.number(),
  micrograms: z.number(),
});

const mebibyteMillisPerGibHour = 1_024 * 3_600_000;

export const unserved: Served = {
  amount: 0,
  energyKwh: 0,
  carbonGrams: 0,
  processorSeconds: 0,
  memoryGibHours: 0,
  predictions: 0,
};

/** What answering cost so far, by version. */
export async function readServingCost(db: Executor, model: string): Promise<Map<number, Served>> {
  const found = await readRows(
    db,
    sql`SELECT version, sum(predictions)::float8 AS predictions, sum(processor_us)::float8 AS "processorMicros",
        sum(mebibyte_ms)::float8 AS "mebibyteMillis", sum(amount)::float8 AS amount,
        sum(millijoules)::float8 AS millijoules, sum(micrograms)::float8 AS micrograms
      FROM serving_usage WHERE model = ${model} GROUP BY version`,
  );
  const versions = found.map((each) => {
    const { version, predictions, amount, ...used } = row.parse(each);
    const served: Served = {
      amount,
      energyKwh: kwhOf(used.millijoules),
      carbonGrams: used.micrograms / 1e6,
      processorSeconds: used.processorMicros / 1e6,
      memoryGibHours: used.mebibyteMillis / mebibyteMillisPerGibHour,
      predictions,
    };
    return [version, served] as const;
  });
  return new Map(versions);
}

export function addServed(one: Served, other: Served): Served {
  return {
    ...addSpent(one, other),
    processorSeconds: one.processorSeconds + other.processorSeconds,
    memoryGibHours: one.memoryGibHours + other.memoryGibHours,
    predictions: one.predictions + other.predictions,
  };
}
