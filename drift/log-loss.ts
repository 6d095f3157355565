import { scoreClip } from '../contracts/window-counts.js';

/** Loss in nats of one answer. db/ computes the same in SQL. */
export function logLossOf(score: number, label: number): number {
  const clipped = Math.min(1 - scoreClip, Math.max(scoreClip, score));
  return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
}
