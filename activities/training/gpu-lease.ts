import { ApplicationFailure, Context } from '@temporalio/activity';
import { setTimeout as delay } from 'node:timers/promises';
import { PerennialError } from '../../contracts/errors.js';
import type { AskedGpus, OwnedGpus } from '../../contracts/placement.js';
import type { ModelSpec } from '../../contracts/spec.js';
import type { TrainingJob } from '../../contracts/training.js';
import type { Database } from '../../db/connect.js';
import { hasBetterPlace, hasUnwatchedHolder } from '../../db/gpu/elsewhere.js';
import {
  regainGpus,
  releaseGpus,
  renewGpus,
  takeGpus,
  type GpuLease,
  type GpuRequest,
  type GpusTaken,
} from '../../db/gpu/lease.js';
import type { Log } from '../../runtime/log.js';
import { whileBeating } from '../../training/supervise.js';
import { createGpuReclaim } from './gpu-reclaim.js';

/** Milliseconds that a lease outlives its holder: more than it takes to notice a dead worker and start its work on another. */
const usualTtl = 60_000;
/** The same for a worker that finds a lease lapsed, for it may just have come back itself. */
const usualPatience = 30_000;
/** Milliseconds between two renewals, and between two times that one who waits asks. */
const usualPause = 3_000;
/** Milliseconds that one keeps a worker's slot while it would do better at the queue. */
const usualStay = 10_000;
/** Where a spec says nothing; Temporal's own. */
const usualPriority = 3;

/** GPUs in hand. The sentences say who has one of them now, and whom they are wanted for. */
export interface HeldGpus {
  devices: number[];
  lost: () => string | null;
  wanted: () => string | null;
}

/** What a spec asks of the machines with GPUs; null where it asks for none. */
export function gpusAskedBy({ training }: ModelSpec): AskedGpus | null {
  const { resources, replicas = 1, priority = usualPriority } = training;
  const gpus = resources?.gpus;
  return gpus ? { class: gpus.class, count: gpus.count * replicas, priority } : null;
}

export type GpuLeases = ReturnType<typeof createGpuLeases>;

/** Hands the GPUs of this machine to one training each, by rows that lapse when nobody renews them. */
export function createGpuLeases({
  db,
  log,
  owned,
  preempt = true,
  stop,
  ttl = usualTtl,
  patience = usualPatience,
  every = usualPause,
  stay = usualStay,
}: {
  db: Database;
  log: Log;
  owned: OwnedGpus[];
  /** Whether a more urgent training may ask others to give way; not where something else sees to that. */
  preempt?: boolean;
  /** Returns when nothing of a job runs on this machine any more. */
  stop: (key: string) => Promise<void>;
  ttl?: number;
  patience?: number;
  every?: number;
  stay?: number;
}) {
  const { reclaim } = createGpuReclaim({ db, log, stop, patience });

  /** What this machine has for a job; undefined for one that asks for none of its classes, which then needs no lease. */
  function gpusFor({ resources }: TrainingJob): OwnedGpus | undefined {
    return owned.find((gpus) => gpus.class === resources?.gpus?.class);
  }

  /**
   * Works with GPUs that no other training has, and frees them after; an error leaves them to whoever goes on with the job. For a job that
   * was begun before they are the ones that it has. Waits, with heartbeats, until there are enough, or goes back to its queue where
   * another worker may have some sooner. A second run takes over the lease of the first. Throws PLACEMENT_FAILED where this machine will
   * never have as many.
   */
  async function whileHolding<T>(
    job: TrainingJob,
    { owned: gpus, begun, count, priority }: Asked,
    work: (held: HeldGpus) => Promise<T>,
  ): Promise<T> {
    const { key } = job;
    const asked = { key, count, priority, ttl, preempt };
    const lease = begun ? await regainGpus(db, asked) : await waitForGpus(job, gpus, asked);
    let lost: string | null = null;
    let wanted: string | null = null;
    if (lease === null)
      lost = 'The GPUs of this training were given to others while nobody looked after it.';
    const renew = async () => {
      if (lease === null || lost !== null) return;
      const renewal = await renewGpus(db, lease, ttl);
      if (renewal.kind === 'lost') lost = lossOf(lease, renewal.to);
      if (renewal.kind === 'held') wanted = renewal.wantedBy && wishOf(renewal.wantedBy);
    };
    // Who adopts a job hears first what its predecessor may have begun to do.
    if (begun) await renew();
    const renewing = setInterval(() => {
      renew().catch((error: unknown) => log.warn('GPUs were not renewed', { key, error }));
    }, every);
    try {
      const held = { devices: lease?.devices ?? [], lost: () => lost, wanted: () => wanted };
      const result = await work(held);
      await releaseGpus(db, key);
      return result;
    } finally {
      clearInterval(renewing);
    }
  }

  async function waitForGpus(
    { model, delivery }: TrainingJob,
    gpus: OwnedGpus,
    asked: GpuRequest,
  ): Promise<GpuLease> {
    const { key, count } = asked;
    if (count > gpus.devices.length)
      throw new PerennialError(
        'PLACEMENT_FAILED',
        `The training asks for ${count} GPUs of class ${gpus.class}; ${gpus.host} has ${gpus.devices.length}.`,
      );
    const context = Context.current();
    const began = Date.now();
    let reason = `Looks for ${count} GPUs of class ${gpus.class} on ${gpus.host}.`;
    for (let told = false; ; told = true) {
      const beat = () => context.heartbeat({ waiting: reason });
      await whileBeating(beat, reclaim(gpus.host, { needed: true }));
      const answer = await takeGpus(db, gpus, asked);
      if ('fence' in answer) return answer;
      reason = sentenceOf(answer, gpus, count);
      beat();
      if (!told) log.info('Training waits for GPUs', { model, delivery, key, reason });
      const asker = { ...asked, host: gpus.host, class: gpus.class };
      if (await hasUnwatchedHolder(db, asker)) throw backToTheQueue(reason, '5 seconds');
      if (Date.now() - began >= stay && (await hasBetterPlace(db, asker, count)))
        throw backToTheQueue(reason, '1 second');
      await delay(every, undefined, { signal: context.cancellationSignal });
    }
  }

  /** Frees what a training that has ended holds. Again, it changes nothing. */
  async function release(key: string): Promise<void> {
    await releaseGpus(db, key);
  }

  /** Frees what trainings of this machine hold that are over and that nobody else has freed. Again, it changes nothing. */
  async function reclaimEnded(): Promise<void> {
    const hosts = new Set(owned.map(({ host }) => host));
    for (const host of hosts) await reclaim(host, { needed: false });
  }

  return { gpusFor, whileHolding, release, reclaimEnded };
}

interface Asked {
  owned: OwnedGpus;
  /** The job is there already: it runs on the GPUs that it got then. */
  begun: boolean;
  count: number;
  /** 1 goes first, 5 last. */
  priority: number;
}

/**
 * Ends this look without an end of the attempt: the server hands it to the next free worker of the class, the most urgent one first. Until
 * `away` is over its slot is another's.
 */
function backToTheQueue(reason: string, away: '1 second' | '5 seconds'): ApplicationFailure {
  return ApplicationFailure.create({
    message: reason,
    type: 'BACK_TO_THE_QUEUE',
    nextRetryDelay: away,
    category: 'BENIGN',
  });
}

function lossOf({ host, devices }: GpuLease, to: string | null): string {
  return `GPU ${devices.join(', ')} of ${host} went to ${to ?? 'nobody'} while this training's worker was away.`;
}

function wishOf(other: string): string {
  return `The training gave its GPUs to ${other}, which is more urgent; it goes on from its checkpoint.`;
}

function sentenceOf({ ahead, holders }: GpusTaken, gpus: OwnedGpus, count: number): string {
  const wish = count === 1 ? 'a GPU' : `${count} GPUs`;
  const held = holders.length > 0 ? `; held by ${holders.join(', ')}` : '';
  return `Waits for ${wish} of class ${gpus.class} on ${gpus.host}: ${ahead} go first${held}.`;
}
