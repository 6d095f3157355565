import type { ReleaseStep } from '../contracts/release.js';

/** The steps of a release: staging first, then each share of the spec. A first version has nobody to be compared with. */
export function planRelease(shares: readonly number[], champion: number | null): ReleaseStep[] {
  const canaries =
    champion === null ? [] : shares.map((share) => ({ kind: 'canary', share }) as const);
  return [{ kind: 'staging' }, ...canaries, { kind: 'promote' }];
}
