import { setTimeout as delay } from 'node:timers/promises';
import type { TrainingJob } from '../../contracts/training.js';
import type { Database } from '../../db/connect.js';
import { recordGpuSamples } from '../../db/gpu/sample.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import { visibleGpus, type GpuSample } from '../../training/gpu-usage.js';

/** Milliseconds between two looks: power changes faster, and a month of them is still a small table. */
const usualPause = 10_000;

export type GpuWatch = ReturnType<typeof createGpuWatch>;

/** Looks at the GPUs of trainings on this machine beside their supervision, which no slow driver may hold up. */
export function createGpuWatch({
  db,
  clock,
  log,
  sample,
  every = usualPause,
}: {
  db: Database;
  clock: Clock;
  log: Log;
  sample: () => Promise<GpuSample[]>;
  every?: number;
}) {
  /**
   * Looks until `work` has ended, keeps each look, and hands it to `onLook`; nothing for a job that asks for no GPU. A second worker
   * that looks at the same time adds points to the same curve, and energy is counted over time, not over looks.
   */
  async function whileLooking<T>(
    { key, resources, devices, environment }: TrainingJob,
    onLook: (samples: GpuSample[]) => void,
    work: () => Promise<T>,
  ): Promise<T> {
    if (!resources?.gpus) return work();
    const over = new AbortController();
    const visible = devices?.join(',') ?? environment?.CUDA_VISIBLE_DEVICES;
    const looking = lookOn(key, visible, onLook, over.signal);
    try {
      return await work();
    } finally {
      over.abort();
      await looking;
    }
  }

  async function lookOn(
    key: string,
    visible: string | undefined,
    onLook: (samples: GpuSample[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        const samples = visibleGpus(await sample(), visible);
        await recordGpuSamples(db, key, clock.now(), samples);
        if (samples.length > 0) onLook(samples);
      } catch (error) {
        // To be seen is not worth a training.
        log.warn('The GPUs of a training were not recorded', { key, error: String(error) });
      }
      await delay(every, undefined, { signal }).catch(() => null);
    }
  }

  return { whileLooking };
}
