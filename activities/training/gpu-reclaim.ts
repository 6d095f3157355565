import type { Database } from '../../db/connect.js';
import { freeOverdue, listOverdue, type OverdueLease } from '../../db/gpu/reclaim.js';
import type { Log } from '../../runtime/log.js';

export type GpuReclaim = ReturnType<typeof createGpuReclaim>;

/**
 * Takes back GPUs of this machine that nobody looks after any more: those of a training that is over at once, those whose lease has lapsed
 * once a worker has seen so for as long as another one may take to adopt the job. What still runs on them is stopped first, so that two
 * trainings never share a GPU.
 */
export function createGpuReclaim({
  db,
  log,
  stop,
  patience,
}: {
  db: Database;
  log: Log;
  /** Returns when nothing of a job runs on this machine any more. */
  stop: (key: string) => Promise<void>;
  /** Milliseconds. */
  patience: number;
}) {
  /** When this process first saw a lease lapsed: one that has just come back gives those who come back with it their time. */
  const lapsedSince = new Map<string, number>();
  const underWay = new Map<string, Promise<void>>();

  /** Those of trainings that are over; with `needed` also those whose lease has lapsed for too long. A second run finds them free. */
  async function reclaim(host: string, { needed }: { needed: boolean }): Promise<void> {
    const overdue = await listOverdue(db, host);
    const lapsed = new Set(overdue.flatMap(({ key, ended }) => (ended ? [] : [key])));
    for (const key of lapsedSince.keys()) if (!lapsed.has(key)) lapsedSince.delete(key);
    for (const key of lapsed) if (!lapsedSince.has(key)) lapsedSince.set(key, Date.now());
    const due = overdue.filter(
      ({ key, ended }) => ended || (needed && Date.now() - (lapsedSince.get(key) ?? 0) >= patience),
    );
    await Promise.all(due.map((lease) => takeBack(host, lease)));
  }

  /** Once at a time, however many wait for it. */
  function takeBack(host: string, { key, ended }: OverdueLease): Promise<void> {
    const begun = underWay.get(key);
    if (begun) return begun;
    const taking = (async () => {
      await stop(key);
      await freeOverdue(db, host, key);
      // One that has just ended is about to free them itself.
      if (!ended) log.warn('GPUs that nobody looked after were taken back', { host, key });
    })().finally(() => underWay.delete(key));
    underWay.set(key, taking);
    return taking;
  }

  return { reclaim };
}
