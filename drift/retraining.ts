import type { Trigger } from '../contracts/delivery.js';
import type { DriftMemory, RetrainingDecision } from '../contracts/drift.js';

/** The spec's `monitoring.retrain`, lengths of time in milliseconds. */
export interface RetrainingPolicy {
  cooldown: number;
  maximumPerMonth: number;
  maximumAge: number | null;
}

export interface RetrainingHistory {
  /** When the champion was made. */
  championSince: Date;
  /** When the last retraining was decided or the last delivery ended, whichever is later. */
  lastAt: Date | null;
  /** Retrainings decided in the last thirty days. */
  lastMonth: number;
  /** Retrainings in a row, up to now, that did not lead to a promotion. */
  failures: number;
  /** Number of the delivery that runs now. */
  running: number | null;
}

const longestBackOff = 14 * 86_400_000;

/** Decides on a retraining: an alarm or old age proposes it; a running delivery, the cooldown and the month's number may hold it. */
export function decideRetraining({
  standing,
  carried = false,
  policy,
  history,
  now,
}: {
  standing: DriftMemory['standing'];
  /** Whether an earlier check than this one found it. */
  carried?: boolean;
  policy: RetrainingPolicy;
  history: RetrainingHistory;
  now: Date;
}): RetrainingDecision {
  const proposed = standing ?? proposedByAge(policy, history, now);
  if (!proposed)
    return { action: 'none', trigger: null, reason: 'Nothing calls for a retraining.' };
  const { trigger } = proposed;
  const earlier = carried ? 'Found by an earlier check and not weighed again since: ' : '';
  const reason = `${earlier}${proposed.reason}`;
  const hold = whatHolds(policy, history, now);
  if (hold) return { action: 'hold', trigger, reason: `${reason} Held: ${hold}` };
  return { action: 'retrain', trigger, reason };
}

function proposedByAge(
  { maximumAge }: RetrainingPolicy,
  { championSince }: RetrainingHistory,
  now: Date,
): { trigger: Trigger; reason: string } | null {
  if (maximumAge === null) return null;
  const age = now.getTime() - championSince.getTime();
  if (age < maximumAge) return null;
  return {
    trigger: 'age',
    reason: `The champion is ${timeInWords(age)} old, more than ${timeInWords(maximumAge)}.`,
  };
}

function whatHolds(
  { cooldown, maximumPerMonth }: RetrainingPolicy,
  { running, lastAt, lastMonth, failures }: RetrainingHistory,
  now: Date,
): string | null {
  if (running !== null) return `delivery ${running} is under way.`;
  if (lastMonth >= maximumPerMonth)
    return `${lastMonth} retrainings in thirty days, ${maximumPerMonth} are allowed.`;
  // Challengers that fail one after the other will not get better by trying more often.
  const doubled = failures > 1 ? cooldown * 2 ** Math.min(failures - 1, 20) : cooldown;
  const wait = Math.max(cooldown, Math.min(doubled, longestBackOff));
  const since = lastAt ? now.getTime() - lastAt.getTime() : Infinity;
  if (since >= wait) return null;
  const why = failures > 1 ? ` after ${failures} retrainings without a promotion` : '';
  return `the last one ended ${timeInWords(since)} ago, the cooldown${why} is ${timeInWords(wait)}.`;
}

function timeInWords(time: number): string {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'm'],
  ] as const;
  const unit = units.find(([size]) => time >= 2 * size);
  return unit ? `${Math.round(time / unit[0])} ${unit[1]}` : `${(time / 1_000).toFixed(1)} s`;
}
