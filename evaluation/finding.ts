import type { Finding } from '../contracts/verdict.js';
import { roundTo12 } from '../statistics/round.js';
import type { Estimate } from './estimate.js';

/** The finding where nothing could be estimated: more data may decide. */
export function undecided(
  { name, bound, rows }: Pick<Finding, 'name' | 'bound' | 'rows'>,
  reason: string,
): Finding {
  return {
    name,
    verdict: 'inconclusive',
    value: null,
    lower: null,
    upper: null,
    bound,
    rows,
    reason,
  };
}

/** An estimate as findings hold it. */
export function figuresOf({ value, lower, upper }: Estimate) {
  return { value: roundTo12(value), lower: roundTo12(lower), upper: roundTo12(upper) };
}
