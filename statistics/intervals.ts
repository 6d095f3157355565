import { normalIsf } from './special.js';

/** A confidence interval around a value. */
export interface Interval {
  value: number;
  lower: number;
  upper: number;
}

/** Wilson's interval of a proportion at two-sided `confidence`; [0, 1] without any trials. */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): Interval {
  if (trials === 0) return { value: 0, lower: 0, upper: 1 };
  const z = normalIsf((1 - confidence) / 2);
  const share = successes / trials;
  const centre = share + z ** 2 / (2 * trials);
  const half = z * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  const scale = 1 + z ** 2 / trials;
  return {
    value: share,
    lower: successes === 0 ? 0 : (centre - half) / scale,
    upper: successes === trials ? 1 : (centre + half) / scale,
  };
}
