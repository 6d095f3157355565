import { betaLower, lnBeta } from '../statistics/special.js';

/** Evidence that a rate lies below `bound`: the likelihood of the counts under rates below it (Jeffreys' prior) against the bound itself. */
function logEvidenceBelow(events: number, trials: number, bound: number): number {
  const others = trials - events;
  const below = betaLower(bound, 0.5 + events, 0.5 + others);
  if (below === 0) return -Infinity;
  return (
    lnBeta(0.5 + events, 0.5 + others) +
    Math.log(below) -
    lnBeta(0.5, 0.5) -
    Math.log(betaLower(bound, 0.5, 0.5)) -
    events * Math.log(bound) -
    others * Math.log1p(-bound)
  );
}

/** Upper bound of a rate that holds at all looks together with a chance of at least 1 - alpha. */
export function upperRate(events: number, trials: number, alpha: number): number {
  if (trials === 0 || events >= trials) return 1;
  const wanted = Math.log(1 / alpha);
  let low = events / trials;
  let high = 1;
  for (let halving = 0; halving < 40; halving += 1) {
    const middle = (low + high) / 2;
    if (logEvidenceBelow(events, trials, middle) < wanted) low = middle;
    else high = middle;
  }
  return high;
}

/** Lower bound of a rate that holds at all looks together with a chance of at least 1 - alpha. */
export function lowerRate(events: number, trials: number, alpha: number): number {
  return 1 - upperRate(trials - events, trials, alpha);
}
