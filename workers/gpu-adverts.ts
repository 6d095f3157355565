import type { Worker } from '@temporalio/worker';
import type { Database } from '../db/connect.js';
import { advertiseGpus } from '../db/gpu/advert.js';
import type { OwnedGpus } from '../contracts/placement.js';
import type { Log } from '../runtime/log.js';

/** Milliseconds between two times that a machine says what it owns; three of them fit into the time that it is believed for. */
const usualPause = 30_000;

/**
 * Says which GPUs these workers serve, and takes back those of trainings that are over, now and from time to time until they are told to stop.
 * A database that is away hears it later.
 */
export function startGpuAdverts(
  { db, log }: { db: Database; log: Log },
  {
    owned,
    workers,
    reclaimEnded,
    every = usualPause,
  }: {
    owned: OwnedGpus[];
    workers: Worker[];
    reclaimEnded: () => Promise<void>;
    every?: number;
  },
): void {
  const say = () => {
    advertiseGpus(db, owned)
      .then(reclaimEnded)
      .catch((error: unknown) => log.warn('Nobody could be told which GPUs there are', { error }));
  };
  say();
  const saying = setInterval(() => {
    const states = workers.map((worker) => worker.getState());
    if (states.every((state) => state === 'INITIALIZED' || state === 'RUNNING')) say();
    else clearInterval(saying);
  }, every);
  saying.unref();
}
