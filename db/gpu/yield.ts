import { and, eq, inArray, sql, type SQL } from 'drizzle-orm';
import { z } from 'zod';
import { appendAudit } from '../audit.js';
import type { Transaction } from '../connect.js';
import { readRows } from '../rows.js';
import { mostPreemptions } from './placement.js';
import { gpuLease } from '../schema/gpu-lease.js';

/** A training as young as this has little to lose; minutes. An older one gives way only where it has kept a checkpoint. */
const youngMinutes = 5;

/** One that holds devices, and whether it has been asked already. */
const holder = z.object({
  key: z.string(),
  model: z.string(),
  delivery: z.int(),
  devices: z.int().positive(),
  asked: z.boolean(),
});
type Holder = z.infer<typeof holder>;

/** One that waits for devices of a machine, and is the next to get some. */
export interface Asker {
  host: string;
  class: string;
  key: string;
  priority: number;
}

/**
 * Asks as few trainings as needed to give up their devices: the least urgent first, of these the youngest; all of them less urgent than
 * the asker, and none that would lose more than minutes. Nobody, where that would not be enough. Asked again, they have been asked.
 * Call it under the machine's lock.
 */
export async function askToYield(tx: Transaction, asker: Asker, missing: number): Promise<void> {
  const able = await listAble(tx, asker);
  const asked = able.filter((each) => each.asked);
  const still = missing - asked.reduce((sum, { devices }) => sum + devices, 0);
  const fresh = able.filter((each) => !each.asked);
  for (const { key, model, delivery } of chooseFewest(fresh, still)) {
    await tx
      .update(gpuLease)
      .set({ yieldTo: asker.key })
      .where(and(eq(gpuLease.host, asker.host), eq(gpuLease.key, key)));
    await appendAudit(tx, {
      actor: 'perennial',
      action: 'training.asked-to-yield',
      subject: `${model}/${delivery}`,
      detail: { key, to: asker.key, priority: asker.priority },
    });
  }
}

/** As many of those in front as give `missing` devices, without any that the others can do without; none where all are too few. */
export function chooseFewest<T extends { devices: number }>(able: T[], missing: number): T[] {
  const chosen: T[] = [];
  let short = missing;
  for (const each of able) {
    if (short <= 0) break;
    chosen.push(each);
    short -= each.devices;
  }
  if (short > 0) return [];
  for (const each of chosen.toReversed()) {
    if (short + each.devices > 0) continue;
    chosen.splice(chosen.indexOf(each), 1);
    short += each.devices;
  }
  return chosen;
}

/**
 * Who may be asked, those to be asked first in front; and who need not be any more: asked by one that still waits or told already, or over
 * or left alone, so that what it holds comes back.
 */
async function listAble(
  tx: Transaction,
  { host, class: name, priority }: Asker,
): Promise<Holder[]> {
  const rows = await readRows(
    tx,
    sql`SELECT l.key, r.model, r.delivery, count(*)::int AS devices,
        bool_or(r.outcome IS NOT NULL OR w.key IS NOT NULL OR l.yield_told_at IS NOT NULL OR l.expires_at <= now()) AS asked
      FROM gpu_lease l JOIN placement p ON p.key = l.key JOIN training_run r ON r.key = l.key
      LEFT JOIN gpu_wait w ON w.key = l.yield_to AND w.host = l.host AND w.asked_at > now() - ${asksLast}
      WHERE l.host = ${host} AND l.class = ${name}
      GROUP BY l.key, r.model, r.delivery, p.priority, p.preempted
      HAVING bool_or(r.outcome IS NOT NULL OR w.key IS NOT NULL OR l.yield_told_at IS NOT NULL OR l.expires_at <= now())
        OR bool_and(${wouldYieldTo(priority)})
      ORDER BY p.priority DESC, min(l.taken_at) DESC`,
  );
  return rows.map((row) => holder.parse(row));
}

/** Whether the holder of a lease `l` by a placement `p` may be asked by one of this priority. */
export function wouldYieldTo(priority: number): SQL {
  return sql`(p.priority > ${priority} AND p.preempted < ${mostPreemptions} AND (
    l.taken_at > now() - ${youngMinutes} * interval '1 minute' OR EXISTS (
      SELECT 1 FROM checkpoint c WHERE c.key LIKE regexp_replace(l.key, '\\d+$', '%') AND c.corrupt_at IS NULL)))`;
}

/** Time after which one that has not asked again waits no more. */
export const asksLast = sql`interval '30 seconds'`;

/**
 * Whom a lease is asked to give way to, as long as that one still waits, or once its holder was told, which this does: the trainer may have
 * been stopped for it, and that counts as giving way even if the other has found a place meanwhile.
 */
export async function tellWish(
  tx: Transaction,
  { host, devices }: { host: string; devices: number[] },
): Promise<string | null> {
  const [row] = await tx
    .update(gpuLease)
    .set({ yieldToldAt: sql`coalesce(${gpuLease.yieldToldAt}, now())` })
    .where(
      and(
        eq(gpuLease.host, host),
        inArray(gpuLease.device, devices),
        sql`(${gpuLease.yieldToldAt} IS NOT NULL OR EXISTS (
          SELECT 1 FROM gpu_wait w WHERE w.key = ${gpuLease.yieldTo} AND w.host = ${host} AND w.asked_at > now() - ${asksLast}))`,
      ),
    )
    .returning({ key: gpuLease.yieldTo });
  return row?.key ?? null;
}
