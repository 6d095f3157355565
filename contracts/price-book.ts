import { z } from 'zod';
import { amount, currency } from './money.js';
import { instant, principalId, sha256 } from './names.js';
import { gpuClass } from './resources.js';

const watts = z.number().nonnegative().max(100_000);

/** One value for the whole day, or 24 of them: one for each hour, UTC. */
function byHour<T extends z.ZodType>(value: T) {
  return z.union([value, z.array(value).length(24, 'one value, or one for each of 24 hours')]);
}

const region = z.strictObject({
  /** Price of a kWh; nothing where the prices per hour include it. */
  electricity: byHour(amount).default('0'),
  /** Grams of CO2 equivalent that a kWh from the grid stands for. */
  carbon: byHour(z.number().nonnegative().max(5_000)),
});

/** What machines cost, draw and stand for. Content-addressed; a training keeps the one it began with. */
export const priceBook = z
  .strictObject({
    currency,
    /** Prices of an hour: of a core, of a GiB of memory, of a GPU by its class. */
    perHour: z.strictObject({
      cpu: amount,
      memoryGiB: amount,
      gpus: z.record(gpuClass, amount).default({}),
    }),
    /** What each draws while a training has it. */
    watts: z.strictObject({
      cpu: watts,
      memoryGiB: watts,
      gpus: z.record(gpuClass, watts).default({}),
    }),
    /** Power usage effectiveness: what the building draws for each watt of its machines. */
    pue: z.number().min(1).max(5).default(1),
    regions: z.record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,47}$/), region),
    /** Where trainings run. */
    region: z.string(),
  })
  .refine(({ region: name, regions }) => name in regions, {
    path: ['region'],
    message: 'region must be one of regions',
  });
export type PriceBook = z.infer<typeof priceBook>;

/** What one training costs and draws, for each hour of the day, UTC: its share of a price book. */
export interface HourlyRate {
  /** Micro-units of the currency an hour, electricity included. */
  perHour: number[];
  /** All of it, with the building's share; and the GPUs' part of that, which their own meters may tell better. */
  watts: number;
  gpuWatts: number;
  pue: number;
  /** Grams of CO2 equivalent a kWh. */
  carbon: number[];
}

/** A price book as it is kept; `number` counts up, the newest is used. */
export const keptPriceBook = z.strictObject({
  number: z.int().positive(),
  digest: sha256,
  content: priceBook,
  setBy: principalId,
  setAt: instant,
});
export type KeptPriceBook = z.infer<typeof keptPriceBook>;

/** `prices` is checked by the price book's own contract, so that its refusals carry PRICE_BOOK_INVALID. */
export const setPrices = z.strictObject({ prices: z.unknown(), by: principalId });
export type SetPrices = z.infer<typeof setPrices>;

export const pricesSet = keptPriceBook.extend({ created: z.boolean() });
export type PricesSet = z.infer<typeof pricesSet>;
