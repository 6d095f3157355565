import type { Route } from '../contracts/serving.js';

/**
 * The arms of a canary step. By their order in the hash space the canary grows from 0 upwards, its equal-size baseline (the
 * champion's version, counted apart) from 1 downwards, and the champion keeps the middle: a step moves no entity from one of the
 * compared arms to the other.
 */
export function canaryArms({
  champion,
  canary,
  share,
}: {
  champion: number;
  canary: number;
  share: number;
}): Route['arms'] {
  const middle = 1 - 2 * share;
  return [
    { version: canary, share, role: 'canary' },
    // Half and half leaves nothing in the middle, but for what rounding makes of it.
    ...(middle > 1e-9 ? [{ version: champion, share: middle, role: 'champion' } as const] : []),
    { version: champion, share, role: 'baseline' },
  ];
}

export function championArms(version: number): Route['arms'] {
  return [{ version, share: 1, role: 'champion' }];
}
