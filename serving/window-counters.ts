import type { ArmRole } from '../contracts/serving.js';
import type { ReferenceProfile } from '../contracts/window-counts.js';
import type { WindowCountRow } from '../db/serving/window-count.js';
import { createWindowCounter, type WindowCounter } from '../drift/window-counts.js';

/** Which counts an answer belongs to. */
export interface CountedArm {
  model: string;
  version: number;
  role: ArmRole;
  revision: number;
  windowMilliseconds: number;
  reference: ReferenceProfile;
}

export interface CountedAnswer {
  /** Milliseconds since 1970. */
  eventTime: number;
  values: Readonly<Record<string, number | string | null>>;
  /** Null when the model failed. */
  score: number | null;
  latencyMicros: number;
}

/** Counts per arm and window of event time, from the start of this gateway on. */
export interface WindowCounters {
  /** False when the answer's window was closed before: it is stored, but no longer counted. */
  count(arm: CountedArm, answer: CountedAnswer): boolean;
  /** Windows counted in since the last call, with everything counted in them so far. */
  takeChanged(): WindowCountRow[];
  /** After a failed write: they will be taken again, larger by then. */
  giveBack(rows: readonly WindowCountRow[]): void;
}

interface OpenWindow {
  row: Omit<WindowCountRow, 'counts'>;
  counter: WindowCounter;
}

const closedRemembered = 100_000;

/**
 * Lateness is bounded by the number of windows held open, not by a clock: one wild event time then opens one window too many
 * instead of closing all the others.
 */
export function createWindowCounters({
  gateway,
  epoch,
  maximumOpen = 4_096,
}: {
  gateway: string;
  epoch: number;
  maximumOpen?: number;
}): WindowCounters {
  /** In the order of their last change. */
  const open = new Map<string, OpenWindow>();
  const closed = new Set<string>();
  const changed = new Set<string>();

  const closeOldest = (): void => {
    for (const key of open.keys()) {
      if (open.size <= maximumOpen) return;
      if (changed.has(key)) continue;
      open.delete(key);
      closed.add(key);
      if (closed.size > closedRemembered) closed.delete(closed.keys().next().value ?? key);
    }
  };

  return {
    count(arm, { eventTime, values, score, latencyMicros }) {
      const start = Math.floor(eventTime / arm.windowMilliseconds) * arm.windowMilliseconds;
      const key = `${arm.model}/${arm.version}/${arm.role}/${arm.revision}/${start}`;
      let window = open.get(key);
      if (!window) {
        if (closed.has(key)) return false;
        const { model, version, role, revision } = arm;
        window = {
          row: { model, version, role, revision, windowStart: new Date(start), gateway, epoch },
          counter: createWindowCounter(arm.reference),
        };
        open.set(key, window);
      } else if (!changed.has(key)) {
        open.delete(key);
        open.set(key, window);
      }
      changed.add(key);
      if (score === null) window.counter.countError(latencyMicros);
      else window.counter.countAnswer({ values, score, latencyMicros });
      return true;
    },
    takeChanged() {
      // Before this round's changes are taken: what is taken stays open until its write is known to have succeeded.
      closeOldest();
      const rows = [...changed].flatMap((key) => {
        const window = open.get(key);
        return window ? [{ ...window.row, counts: window.counter.snapshot() }] : [];
      });
      changed.clear();
      return rows;
    },
    giveBack(rows) {
      for (const { model, version, role, revision, windowStart } of rows) {
        const key = `${model}/${version}/${role}/${revision}/${windowStart.getTime()}`;
        if (open.has(key)) changed.add(key);
      }
    },
  };
}
