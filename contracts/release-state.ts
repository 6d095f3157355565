/** What may happen to a release in which state: one table for workflow, API, CLI and tests. Free of zod. */
export const releaseStatuses = [
  'staging',
  'canary',
  'paused',
  'waiting',
  'promoted',
  'rolled-back',
  'aborted',
] as const;
export type ReleaseStatus = (typeof releaseStatuses)[number];

export const releaseActs = ['promote', 'pause', 'resume', 'abort', 'extend', 'decide'] as const;
export type ReleaseAct = (typeof releaseActs)[number];

const allowed = {
  /** Promote at once: a person takes the judge's place. */
  promote: ['canary', 'paused', 'waiting'],
  pause: ['canary'],
  resume: ['paused'],
  abort: ['staging', 'canary', 'paused', 'waiting'],
  /** Give an inconclusive step another stretch of time. */
  extend: ['canary', 'waiting'],
  /** Answer an inconclusive step: approve promotes, reject rolls back. */
  decide: ['waiting'],
} as const satisfies Record<ReleaseAct, readonly ReleaseStatus[]>;

/** Says whether `act` is possible in `status`, and if not, why, in a sentence fit for an error message. */
export function releaseCan(
  act: ReleaseAct,
  status: ReleaseStatus,
): { ok: true } | { ok: false; reason: string } {
  const states: readonly ReleaseStatus[] = allowed[act];
  if (states.includes(status)) return { ok: true };
  return {
    ok: false,
    reason: `Cannot ${act}: the release is ${status}; possible while ${states.join(' or ')}.`,
  };
}
