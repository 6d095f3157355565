import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { PlacementLook } from '../../contracts/placement.js';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { wouldYieldTo } from './yield.js';
import { advertLasts } from './advert.js';

/** Earlier trainings that tell how long one of a class usually takes. */
const remembered = 50;

/**
 * One that asks for GPUs of the class and has not ended; `ran` is null while it waits, else how many seconds it has had them. `yields` where
 * it would give them to the one that is told.
 */
const rival = z.object({
  key: z.string(),
  name: z.string(),
  count: z.int(),
  ran: z.number().nullable(),
  yields: z.boolean(),
});
export type Rival = z.infer<typeof rival>;

/** What is known of a class: how many GPUs are there, how long a training usually takes, and who asks, in the order of their turns. */
export interface GpuClassStanding {
  class: string;
  devices: number;
  /** Seconds, null where none has ended well yet. */
  usual: number | null;
  rivals: Rival[];
}

/**
 * How an attempt that asks for GPUs stands; one that asks for none, holds them or is over has begun. What it waits for is one sentence: that
 * nobody serves its class, or who goes first and about how long that takes.
 */
export async function lookAtPlacement(db: Executor, key: string): Promise<PlacementLook> {
  const [asked] = await readRows(
    db,
    sql`SELECT p.class, p.count, p.priority FROM placement p JOIN training_run r USING (key)
      WHERE p.key = ${key} AND r.outcome IS NULL AND NOT EXISTS (SELECT 1 FROM gpu_lease WHERE key = ${key})`,
  );
  if (!asked) return { begun: true, waits: null };
  const standing = await readStanding(db, String(asked.class), Number(asked.priority));
  return { begun: false, waits: waitsFor(standing, { key, count: Number(asked.count) }) };
}

/** Classes that trainings wait for and no worker serves. */
export async function listUnservedClasses(db: Executor): Promise<string[]> {
  const rows = await readRows(
    db,
    sql`SELECT DISTINCT p.class FROM placement p JOIN training_run r USING (key)
      WHERE r.outcome IS NULL AND NOT EXISTS (SELECT 1 FROM gpu_lease l WHERE l.key = p.key)
        AND NOT EXISTS (SELECT 1 FROM gpu_advert a WHERE a.class = p.class AND ${fresh}) ORDER BY p.class`,
  );
  return rows.map((row) => String(row.class));
}

const fresh = sql`a.seen_at > now() - ${advertLasts} * interval '1 second'`;

async function readStanding(
  db: Executor,
  name: string,
  priority: number,
): Promise<GpuClassStanding> {
  const [known] = await readRows(
    db,
    sql`SELECT (SELECT coalesce(sum(devices), 0)::int FROM gpu_advert a WHERE a.class = ${name} AND ${fresh}) AS devices,
      (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (last.outcome ->> 'seconds')::float8) FROM (
        SELECT r.outcome FROM placement p JOIN training_run r USING (key)
        WHERE p.class = ${name} AND r.outcome ->> 'kind' = 'succeeded' ORDER BY r.ended_at DESC LIMIT ${remembered}
      ) AS last) AS usual`,
  );
  const rows = await readRows(
    db,
    sql`SELECT p.key, r.model || '/' || r.delivery AS name, p.count,
        (SELECT extract(epoch FROM now() - min(l.taken_at))::float8 FROM gpu_lease l WHERE l.key = p.key) AS ran,
        (SELECT coalesce(bool_and(${wouldYieldTo(priority)}), false) FROM gpu_lease l WHERE l.key = p.key) AS yields
      FROM placement p JOIN training_run r USING (key)
      WHERE p.class = ${name} AND r.outcome IS NULL ORDER BY p.priority, p.since, p.key`,
  );
  const usual = known?.usual == null ? null : Number(known.usual);
  const rivals = rows.map((row) => rival.parse(row));
  return { class: name, devices: Number(known?.devices ?? 0), usual, rivals };
}

/** What one that waits is told: that nobody serves its class, or who goes first, who holds the GPUs and when its turn may come. */
export function waitsFor(
  { class: name, devices, usual, rivals }: GpuClassStanding,
  { key, count }: { key: string; count: number },
): string {
  if (devices === 0)
    return `No worker serves GPU class ${name}; start one with PERENNIAL_GPUS=${name}:${count}`;
  const own = rivals.findIndex((each) => each.key === key);
  const ahead = rivals.filter(({ ran }, at) => ran === null && at < own);
  const holding = rivals.filter(({ ran }) => ran !== null);
  const held = holding.length > 0 ? `, held by ${holding.map((each) => each.name).join(', ')}` : '';
  const seconds =
    usual === null
      ? null
      : [...ahead, ...holding.filter(({ yields }) => !yields)].reduce(
          (sum, each) => sum + each.count * Math.max(0, usual - (each.ran ?? 0)),
          0,
        ) / devices;
  const gpus = devices === 1 ? '1 GPU' : `${devices} GPUs`;
  if (ahead.length === 0)
    return `Next on ${name}, needs ${count} of ${gpus}${held}; ${lengthOf(seconds)}`;
  const go = ahead.length === 1 ? '1 goes' : `${ahead.length} go`;
  return `${go} first on ${name} (${gpus}${held}); ${lengthOf(seconds)}`;
}

/** Coarse, since it is a guess and is told again and again. */
function lengthOf(seconds: number | null): string {
  if (seconds === null) return 'nobody knows how long that takes yet';
  const minutes = seconds / 60;
  if (minutes < 1.5) return 'about a minute';
  if (minutes < 10) return `about ${Math.round(minutes)} min`;
  if (minutes < 120) return `about ${Math.round(minutes / 5) * 5} min`;
  return `about ${Math.round(minutes / 60)} h`;
}
