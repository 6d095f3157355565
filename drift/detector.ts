/** An alarm of a detector that reaches this comes, with nothing wrong, once in a thousand checks on average. */
export const alarmAt = 1_000;

/** Calibrators of p-values to e-values, with their weights; what is missing to one is a weight on no evidence at all. */
const calibrators = [
  { power: 0.5, weight: 0.5 },
  { power: 0.2, weight: 0.25 },
  { power: 0.1, weight: 0.25 },
];

/** Goes on with a detector (Shin, Ramdas and Rinaldo) by the smallest adjusted p-value of a check. */
export function continueDetector(before: number, p: number): number {
  const clipped = Math.max(p, 1e-300);
  const evidence = calibrators.reduce(
    (sum, { power, weight }) => sum + weight * power * clipped ** (power - 1),
    0,
  );
  return bounded((before + 1) * evidence);
}

/** Sizes of harm, in standard errors of one check, that the detectors below are sharpest at. */
const sizes = [0.5, 1, 2, 3];

/** Goes on with one detector for each size of harm by a check's distance from what is allowed, in standard errors. */
export function continueLossDetectors(before: readonly number[], distance: number): number[] {
  return sizes.map((size, index) =>
    bounded(((before[index] ?? 0) + 1) * Math.exp(size * distance - (size * size) / 2)),
  );
}

export function meanOf(detectors: readonly number[]): number {
  return detectors.reduce((sum, each) => sum + each, 0) / Math.max(1, detectors.length);
}

/** Kept within what JSON and a search attribute can hold; beyond the alarm the exact number says nothing more. */
const bounded = (value: number): number => Math.min(value, 1e12);
