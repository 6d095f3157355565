import { Context } from '@temporalio/activity';
import { setTimeout as delay } from 'node:timers/promises';
import { PerennialError } from '../contracts/errors.js';
import type { TrainingJob } from '../contracts/training.js';
import type { Database } from '../db/connect.js';
import {
  regainGpus,
  releaseGpus,
  renewGpus,
  takeGpus,
  type GpuLease,
  type GpusTaken,
  type OwnedGpus,
} from '../db/gpu-lease.js';
import type { Log } from '../runtime/log.js';

/** Milliseconds that a lease outlives its holder: more than it takes to notice a dead worker and start its work on another. */
const usualTtl = 90_000;
/** Milliseconds between two renewals, and between two times that one who waits asks. */
const usualPause = 3_000;
/** Where a spec says nothing; Temporal's own. */
const usualPriority = 3;

/** GPUs in hand. The sentence says who has one of them now. */
export interface HeldGpus {
  devices: number[];
  lost: () => string | null;
}

export type GpuLeases = ReturnType<typeof createGpuLeases>;

/** Hands the GPUs of this machine to one training each, by rows that lapse when nobody renews them. */
export function createGpuLeases({
  db,
  log,
  owned,
  ttl = usualTtl,
  every = usualPause,
}: {
  db: Database;
  log: Log;
  owned: OwnedGpus[];
  ttl?: number;
  every?: number;
}) {
  /** What this machine has for a job; undefined for one that asks for none of its classes, which then needs no lease. */
  function gpusFor({ resources }: TrainingJob): OwnedGpus | undefined {
    return owned.find((gpus) => gpus.class === resources?.gpus?.class);
  }

  /**
   * Works with GPUs that no other training has, and frees them after; an error leaves them to whoever goes on with the job. For a job that
   * was begun before they are the ones that it has. Waits, with heartbeats, until there are enough. A second run takes over the lease of
   * the first. Throws PLACEMENT_FAILED where this machine will never have as many.
   */
  async function whileHolding<T>(
    job: TrainingJob,
    { owned: gpus, begun, priority = usualPriority }: Asked,
    work: (held: HeldGpus) => Promise<T>,
  ): Promise<T> {
    const { key, resources, replicas = 1 } = job;
    const count = (resources?.gpus?.count ?? 0) * replicas;
    const asked = { key, count, priority, ttl };
    const lease = begun ? await regainGpus(db, asked) : await waitForGpus(job, gpus, asked);
    let lost: string | null = null;
    if (lease === null)
      lost = 'The GPUs of this training were given to others while nobody looked after it.';
    const renewing = setInterval(() => {
      if (lease === null || lost !== null) return;
      renew(lease).then(
        (sentence) => {
          lost ??= sentence;
        },
        (error: unknown) => log.warn('GPUs were not renewed', { key, error }),
      );
    }, every);
    try {
      const result = await work({ devices: lease?.devices ?? [], lost: () => lost });
      await releaseGpus(db, key);
      return result;
    } finally {
      clearInterval(renewing);
    }
  }

  async function waitForGpus(
    { model, delivery }: TrainingJob,
    gpus: OwnedGpus,
    asked: { key: string; count: number; priority: number; ttl: number },
  ): Promise<GpuLease> {
    const { key, count } = asked;
    if (count > gpus.devices.length)
      throw new PerennialError(
        'PLACEMENT_FAILED',
        `The training asks for ${count} GPUs of class ${gpus.class}; ${gpus.host} has ${gpus.devices.length}.`,
      );
    const context = Context.current();
    for (let told = false; ; told = true) {
      const answer = await takeGpus(db, gpus, asked);
      if ('fence' in answer) return answer;
      const reason = sentenceOf(answer, gpus, count);
      context.heartbeat({ waiting: reason });
      if (!told) log.info('Training waits for GPUs', { model, delivery, key, reason });
      await delay(every, undefined, { signal: context.cancellationSignal });
    }
  }

  async function renew(lease: GpuLease): Promise<string | null> {
    const renewal = await renewGpus(db, lease, ttl);
    if (renewal.kind !== 'lost') return null;
    const { host, devices } = lease;
    return `GPU ${devices.join(', ')} of ${host} went to ${renewal.to ?? 'nobody'} while this training's worker was away.`;
  }

  /** Frees what a training that has ended holds. Again, it changes nothing. */
  async function release(key: string): Promise<void> {
    await releaseGpus(db, key);
  }

  return { gpusFor, whileHolding, release };
}

interface Asked {
  owned: OwnedGpus;
  /** The job is there already: it runs on the GPUs that it got then. */
  begun: boolean;
  /** 1 goes first, 5 last. */
  priority?: number | undefined;
}

function sentenceOf({ ahead, holders }: GpusTaken, gpus: OwnedGpus, count: number): string {
  const wish = count === 1 ? 'a GPU' : `${count} GPUs`;
  const held = holders.length > 0 ? `; held by ${holders.join(', ')}` : '';
  return `Waits for ${wish} of class ${gpus.class} on ${gpus.host}: ${ahead} go first${held}.`;
}
