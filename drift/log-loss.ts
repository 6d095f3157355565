/** Scores are single precision: nearer to 0 or 1 than this they cannot be told from it, and a certain error would cost infinity. */
export const scoreClip = 1e-7;

/** Loss in nats of one answer. db/labelled.ts computes the same in SQL. */
export function logLossOf(score: number, label: number): number {
  const clipped = Math.min(1 - scoreClip, Math.max(scoreClip, score));
  return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped);
}
