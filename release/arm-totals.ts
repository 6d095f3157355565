import type { ArmCounts, JudgeBasis } from '../contracts/release.js';
import { latencyBounds } from '../contracts/window-counts.js';
import { dispersionOf, type EventsOfWindow } from './dispersion.js';
import { answersAbove } from './latency.js';

export type ComparedRole = 'canary' | 'baseline';

/** Counts of one compared arm in one window of event time. */
export interface WindowOfArm {
  role: ComparedRole;
  revision: number;
  windowStart: Date;
  requests: number;
  errors: number;
  latency: readonly number[];
}

type Totals = Pick<ArmCounts, 'requests' | 'errors' | 'latency'>;

/** Adds up the windows of one arm. */
export function totalOf(windows: readonly WindowOfArm[], role: ComparedRole): Totals {
  const total = {
    requests: 0,
    errors: 0,
    latency: Array.from({ length: latencyBounds.length + 1 }, () => 0),
  };
  for (const window of windows) {
    if (window.role !== role) continue;
    total.requests += window.requests;
    total.errors += window.errors;
    total.latency = total.latency.map((count, bin) => count + (window.latency[bin] ?? 0));
  }
  return total;
}

/** Requests of the smaller arm since a revision of the route: what one step has seen. */
export function exposureSince(windows: readonly WindowOfArm[], revision: number): number {
  const own = windows.filter((each) => each.revision >= revision);
  return Math.min(totalOf(own, 'canary').requests, totalOf(own, 'baseline').requests);
}

/** How far errors and slow answers come in bursts, by windows of event time. */
export function dispersionOfArms(
  windows: readonly WindowOfArm[],
  latencyBound: number | null,
): JudgeBasis['dispersion'] {
  const errors = new Map<number, EventsOfWindow>();
  const slow = new Map<number, EventsOfWindow>();
  for (const window of windows) {
    addEvents(errors, window, window.errors);
    if (latencyBound !== null) addEvents(slow, window, answersAbove(window.latency, latencyBound));
  }
  return {
    windows: errors.size,
    errors: dispersionOf([...errors.values()]),
    latency: dispersionOf([...slow.values()]),
  };
}

function addEvents(
  events: Map<number, EventsOfWindow>,
  { role, windowStart }: WindowOfArm,
  many: number,
): void {
  const at = windowStart.getTime();
  const known = events.get(at) ?? { canary: 0, baseline: 0 };
  events.set(at, { ...known, [role]: known[role] + many });
}
