import { z } from 'zod';
import { micros } from './money.js';

/** What trainings took. Energy in kWh, carbon in grams of CO2 equivalent, seconds of the jobs' own clocks. */
const used = {
  amount: micros,
  seconds: z.number().nonnegative(),
  energyKwh: z.number().nonnegative(),
  carbonGrams: z.number().nonnegative(),
};

/** Cost of one model, by delivery and by version. `currency` is null, and all is zero, where there are no prices. */
export const modelCost = z.strictObject({
  model: z.string(),
  currency: z.string().nullable(),
  /** Where the energy comes from: the watts of the price book, or for some of the trainings the GPUs' own meters. */
  energyFrom: z.enum(['price-book', 'measured', 'both', 'none']),
  total: z.strictObject(used),
  /** Held for trainings that run. */
  reserved: micros,
  deliveries: z.array(
    z.strictObject({
      delivery: z.int().positive(),
      version: z.int().positive().nullable(),
      attempts: z.int().nonnegative(),
      ...used,
    }),
  ),
  versions: z.array(
    z.strictObject({
      version: z.int().positive(),
      delivery: z.int().positive(),
      ...used,
      /** Requests answered so far, by the gateways' counts. */
      predictions: z.int().nonnegative(),
      /** Training's cost spread over them; null while there are none. */
      perThousand: z
        .strictObject({
          amount: micros,
          energyKwh: z.number().nonnegative(),
          carbonGrams: z.number().nonnegative(),
        })
        .nullable(),
    }),
  ),
});
export type ModelCost = z.infer<typeof modelCost>;
