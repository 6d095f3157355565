import { z } from 'zod';
import { micros } from './money.js';

/** Money, energy in kWh, carbon in grams of CO2 equivalent. */
const spent = {
  amount: micros,
  energyKwh: z.number().nonnegative(),
  carbonGrams: z.number().nonnegative(),
};
const perThousand = z.strictObject(spent).nullable();

/** What trainings took; seconds of the jobs' own clocks. */
const trained = { ...spent, seconds: z.number().nonnegative() };

/** What gateways took to answer, since there were prices. */
const served = {
  ...spent,
  /** Of one core. */
  processorSeconds: z.number().nonnegative(),
  memoryGibHours: z.number().nonnegative(),
  /** Rows asked for in that time. */
  predictions: z.int().nonnegative(),
};

/** Cost of one model, by delivery and by version. `currency` is null, and all is zero, where there are no prices. */
export const modelCost = z.strictObject({
  model: z.string(),
  currency: z.string().nullable(),
  /** Where the trainings' energy comes from: the watts of the price book, or for some of them the GPUs' own meters. */
  energyFrom: z.enum(['price-book', 'measured', 'both', 'none']),
  /** Training and serving together. */
  total: z.strictObject(spent),
  training: z.strictObject(trained),
  serving: z.strictObject(served),
  /** Held for trainings that run. */
  reserved: micros,
  deliveries: z.array(
    z.strictObject({
      delivery: z.int().positive(),
      version: z.int().positive().nullable(),
      attempts: z.int().nonnegative(),
      ...trained,
    }),
  ),
  versions: z.array(
    z.strictObject({
      version: z.int().positive(),
      delivery: z.int().positive(),
      /** Requests answered so far, by the gateways' counts. */
      predictions: z.int().nonnegative(),
      /** A thousand predictions by training and by serving; null while there are none. */
      total: z.strictObject({ ...spent, perThousand }),
      /** Its cost spread over the predictions so far. */
      training: z.strictObject({ ...trained, perThousand }),
      /** Its cost spread over the predictions that it was spent for. */
      serving: z.strictObject({ ...served, perThousand }),
    }),
  ),
});
export type ModelCost = z.infer<typeof modelCost>;
export type VersionCost = ModelCost['versions'][number];
export type Spent = ModelCost['total'];
export type Trained = ModelCost['training'];
export type Served = ModelCost['serving'];
