/** Lengths of time as people write them in `model.yaml`: a number and a unit, `500ms 30s 15m 2h 90d`. Free of zod: workflows import it. */
export type Duration = string;

const unitMilliseconds: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Milliseconds of a duration that a contract has already accepted; a malformed one is a programming error. */
export function milliseconds(duration: Duration): number {
  const match = durationPattern.exec(duration);
  const unit = unitMilliseconds[match?.[2] ?? ''];
  if (!match || unit === undefined) throw new RangeError(`Not a duration: '${duration}'`);
  return Number(match[1]) * unit;
}
