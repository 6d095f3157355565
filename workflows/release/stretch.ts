/**
 * The time that a canary step is given before a person is asked: a pause does not use it up, extending adds to it, and what went by
 * before either counts as seen. Pure; instants in milliseconds.
 */
export interface Stretch {
  since: number;
  until: number;
  pausedAt: number | null;
}

export function beginStretch(now: number, length: number): Stretch {
  return { since: now, until: now + length, pausedAt: null };
}

export function pauseStretch(stretch: Stretch, now: number): Stretch {
  return { ...stretch, pausedAt: stretch.pausedAt ?? now };
}

export function resumeStretch({ since, until, pausedAt }: Stretch, now: number): Stretch {
  return { since, until: until + (now - (pausedAt ?? now)), pausedAt: null };
}

/** Another `length` after what is left, or from now on where nothing is. */
export function extendStretch(stretch: Stretch, now: number, length: number): Stretch {
  const { since, until } = resumeStretch(stretch, now);
  return { since, until: Math.max(until, now) + length, pausedAt: null };
}
