import { and, eq, inArray, sql } from 'drizzle-orm';
import type { OwnedGpus } from '../../contracts/placement.js';
import type { Database, Transaction } from '../connect.js';
import { askToYield, asksLast, tellWish } from './yield.js';
import { gpuLease, gpuWait } from '../schema/gpu-lease.js';
import { trainingRun } from '../schema/training.js';

export interface GpuRequest {
  key: string;
  count: number;
  priority: number;
  ttl: number;
  /** Ask less urgent ones to give way. */
  preempt?: boolean;
}

/** What a training holds. Its fence tells it from whoever held the same devices before or after. */
export interface GpuLease {
  host: string;
  key: string;
  devices: number[];
  fence: number;
}

/** Why there is none yet: trainings that go first, and those that hold devices, as `model/delivery`. */
export interface GpusTaken {
  ahead: number;
  holders: string[];
}

export type Renewal =
  /** `wantedBy` is a more urgent training that waits for it to give way, `model/delivery`. */
  | { kind: 'held'; wantedBy: string | null }
  /** Somebody else looks after the same training now: leave it alone. */
  | { kind: 'superseded' }
  /** A device of ours was taken back; some other training has it, `model/delivery`, or null where nobody has. */
  | { kind: 'lost'; to: string | null };

/**
 * Takes `count` free devices for a training, all or none, or puts it in the queue: by priority, then by when it first asked. Asked again
 * with the lease in hand, it gives the same devices with a new fence, which ends the earlier holder's say. With `preempt` the one whose turn
 * it is asks less urgent ones to give way. `ttl` in milliseconds.
 */
export async function takeGpus(
  db: Database,
  { host, devices, ...owned }: OwnedGpus,
  { key, count, priority, ttl, preempt = false }: GpuRequest,
): Promise<GpuLease | GpusTaken> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`SELECT pg_advisory_xact_lock(hashtext(${`gpu/${host}`}))`);
    await tx
      .insert(gpuLease)
      .values(devices.map((device) => ({ host, device, class: owned.class })))
      .onConflictDoUpdate({
        target: [gpuLease.host, gpuLease.device],
        set: { class: owned.class },
        setWhere: sql`${gpuLease.class} <> ${owned.class}`,
      });
    const rows = await tx
      .select({
        device: gpuLease.device,
        key: gpuLease.key,
        fence: gpuLease.fence,
      })
      .from(gpuLease)
      .where(and(eq(gpuLease.host, host), inArray(gpuLease.device, devices)))
      .orderBy(gpuLease.device)
      .for('update');
    const mine = rows.filter((row) => row.key === key);
    const free = rows.filter((row) => row.key === null);
    const asker = { host, key, priority, class: owned.class };
    const ahead = mine.length < count ? await waitInQueue(tx, asker) : 0;
    const taken = mine.length >= count ? mine : free.slice(0, count);
    if (ahead > 0 || taken.length < count) {
      const keys = rows.flatMap(({ key: holder }) => holder ?? []);
      const holders = await namesOf(tx, keys);
      if (preempt && ahead === 0) await askToYield(tx, asker, count - taken.length);
      return { ahead, holders };
    }
    const fence = Math.max(...taken.map((row) => row.fence)) + 1;
    await holdDevices(tx, { host, key, fence, devices: taken.map(({ device }) => device) }, ttl);
    await tx.delete(gpuWait).where(eq(gpuWait.key, key));
    return { host, key, fence, devices: taken.map(({ device }) => device) };
  });
}

/** The lease of a training that runs already, with a new fence and its time anew; null where it has lost a device since. */
export async function regainGpus(
  db: Database,
  { key, count, ttl }: { key: string; count: number; ttl: number },
): Promise<GpuLease | null> {
  return db.transaction(async (tx) => {
    const rows = await tx
      .select({ host: gpuLease.host, device: gpuLease.device, fence: gpuLease.fence })
      .from(gpuLease)
      .where(eq(gpuLease.key, key))
      .orderBy(gpuLease.host, gpuLease.device)
      .for('update');
    const host = rows[0]?.host;
    const devices = rows.filter((row) => row.host === host).map(({ device }) => device);
    if (host === undefined || devices.length < count) return null;
    const fence = Math.max(...rows.map((row) => row.fence)) + 1;
    await holdDevices(tx, { host, key, fence, devices }, ttl);
    return { host, key, fence, devices };
  });
}

/**
 * Gives a lease its time anew, also one whose time was over, as long as no device of it was taken back. Who hears that a more urgent training
 * wants the devices has been told: the wish stands from then on.
 */
export async function renewGpus(db: Database, lease: GpuLease, ttl: number): Promise<Renewal> {
  const { host, key, fence, devices } = lease;
  return db.transaction(async (tx) => {
    const rows = await tx
      .select({ key: gpuLease.key, fence: gpuLease.fence })
      .from(gpuLease)
      .where(and(eq(gpuLease.host, host), inArray(gpuLease.device, devices)))
      .orderBy(gpuLease.device)
      .for('update');
    const other = rows.find((row) => row.key !== key);
    if (other) {
      const [to = null] = await namesOf(tx, other.key === null ? [] : [other.key]);
      return { kind: 'lost', to };
    }
    if (rows.some((row) => row.fence !== fence)) return { kind: 'superseded' };
    await tx
      .update(gpuLease)
      .set({ renewedAt: sql`now()`, expiresAt: inMilliseconds(ttl) })
      .where(and(eq(gpuLease.host, host), inArray(gpuLease.device, devices)));
    const wanted = await tellWish(tx, lease);
    const [name = null] = await namesOf(tx, wanted === null ? [] : [wanted]);
    return { kind: 'held', wantedBy: name };
  });
}

/** Frees all that a training holds and waits for. Only for one that has ended; again, it changes nothing. */
export async function releaseGpus(db: Database, key: string): Promise<void> {
  await db.transaction(async (tx) => {
    await tx
      .update(gpuLease)
      .set({ key: null, takenAt: null, renewedAt: null, expiresAt: null })
      .where(eq(gpuLease.key, key));
    await tx.delete(gpuWait).where(eq(gpuWait.key, key));
  });
}

async function holdDevices(
  tx: Transaction,
  { host, key, fence, devices }: GpuLease,
  ttl: number,
): Promise<void> {
  // Taken up by another worker, it has been held as long as before.
  const takenAt = sql`CASE WHEN ${gpuLease.key} = ${key} THEN ${gpuLease.takenAt} ELSE now() END`;
  const times = { takenAt, renewedAt: sql`now()`, expiresAt: inMilliseconds(ttl) };
  await tx
    .update(gpuLease)
    .set({ key, fence, ...times })
    .where(and(eq(gpuLease.host, host), inArray(gpuLease.device, devices)));
}

/** Asks again, and tells how many go first. */
async function waitInQueue(
  tx: Transaction,
  wait: { host: string; class: string; key: string; priority: number },
): Promise<number> {
  const { host, key } = wait;
  const since = sql`coalesce((SELECT since FROM placement WHERE key = ${key}), now())`;
  await tx
    .insert(gpuWait)
    .values({ ...wait, since })
    .onConflictDoUpdate({ target: [gpuWait.host, gpuWait.key], set: { askedAt: sql`now()` } });
  const { rows } = await tx.execute<{ ahead: number }>(sql`
    SELECT count(*)::int AS ahead FROM gpu_wait w, gpu_wait mine
    WHERE mine.host = ${host} AND mine.key = ${key} AND w.host = mine.host AND w.class = mine.class
      AND w.asked_at > now() - ${asksLast}
      AND (w.priority, w.since, w.key) < (mine.priority, mine.since, mine.key)`);
  return rows[0]?.ahead ?? 0;
}

async function namesOf(tx: Transaction, keys: string[]): Promise<string[]> {
  if (keys.length === 0) return [];
  const rows = await tx
    .select({ model: trainingRun.model, delivery: trainingRun.delivery })
    .from(trainingRun)
    .where(inArray(trainingRun.key, keys));
  return rows.map(({ model, delivery }) => `${model}/${delivery}`);
}

function inMilliseconds(ttl: number) {
  return sql`now() + ${ttl} * interval '1 millisecond'`;
}
