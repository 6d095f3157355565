/** What was found a moment ago: who looks every half second need not ask a cluster that many trainings share as often. */
export interface Recent<T> {
  /** Undefined when it is too old, or nothing was found. */
  recall(key: string): T | undefined;
  keep(key: string, found: T): void;
  forget(key: string): void;
}

/** Holds what is found for `forMs` milliseconds. */
export function createRecent<T>(forMs: number): Recent<T> {
  const kept = new Map<string, { found: T; until: number }>();
  return {
    recall(key) {
      const recent = kept.get(key);
      return recent && performance.now() < recent.until ? recent.found : undefined;
    },
    keep: (key, found) => void kept.set(key, { found, until: performance.now() + forMs }),
    forget: (key) => void kept.delete(key),
  };
}
