import type { Feature } from '../contracts/spec.js';

/**
 * Why a champion cannot answer the challenger's hold-out, or null when it can: each of its features must be among the
 * challenger's, computed in the same way.
 */
export function whyIncomparable(
  champion: readonly Feature[],
  challenger: readonly Feature[],
): string | null {
  const missing = champion.filter(
    (theirs) =>
      !challenger.some(
        (ours) =>
          ours.name === theirs.name &&
          ours.type === theirs.type &&
          (ours.expression ?? ours.name) === (theirs.expression ?? theirs.name),
      ),
  );
  if (missing.length === 0) return null;
  const names = missing.map(({ name }) => name).join(', ');
  return `it reads ${names}, which the hold-out does not have in the same way.`;
}
