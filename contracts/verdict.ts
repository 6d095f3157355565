import { z } from 'zod';

/** Every judgement is one of these. Too little data is `inconclusive`, never `pass`; `error` means that the judge itself failed. */
export const verdict = z.enum(['pass', 'fail', 'inconclusive', 'error']);
export type Verdict = z.infer<typeof verdict>;

/** One number that was judged, with all that is needed to judge it again. `null` where a bound or value does not exist. */
export const finding = z.strictObject({
  name: z.string(),
  verdict,
  value: z.number().nullable(),
  lower: z.number().nullable(),
  upper: z.number().nullable(),
  bound: z.number().nullable(),
  rows: z.int().nonnegative(),
  /** One sentence: what was compared with what. */
  reason: z.string(),
});
export type Finding = z.infer<typeof finding>;
