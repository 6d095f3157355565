import type { Worker } from '@temporalio/worker';
import type { Database } from '../db/connect.js';
import { advertiseGpus } from '../db/gpu/advert.js';
import type { OwnedGpus } from '../contracts/placement.js';
import type { Log } from '../runtime/log.js';

/** Milliseconds between two times that a machine says what it owns; three of them fit into the time that it is believed for. */
const usualPause = 30_000;

/** Says which GPUs these workers serve, now and from time to time until they are told to stop. A database that is away hears it later. */
export function startGpuAdverts(
  { db, log }: { db: Database; log: Log },
  { owned, workers, every = usualPause }: { owned: OwnedGpus[]; workers: Worker[]; every?: number },
): void {
  const say = () => {
    advertiseGpus(db, owned).catch((error: unknown) =>
      log.warn('Nobody could be told which GPUs there are', { error }),
    );
  };
  if (owned.length === 0) return;
  say();
  const saying = setInterval(() => {
    const states = workers.map((worker) => worker.getState());
    if (states.every((state) => state === 'INITIALIZED' || state === 'RUNNING')) say();
    else clearInterval(saying);
  }, every);
  saying.unref();
}
