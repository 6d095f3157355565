import { sql } from 'drizzle-orm';
import type { Executor } from '../connect.js';
import { readRows } from '../rows.js';
import { advertLasts } from './advert.js';
import { asksLast, wouldYieldTo, type Asker } from './yield.js';

/**
 * Whether one that waits on a machine would do better at the queue of its class: another machine has room for it, also by asking less urgent
 * ones as nobody can be asked here, and nobody who asks there, or a more urgent training waits that no worker has a free slot to look after.
 */
export async function hasBetterPlace(
  db: Executor,
  { host, class: name, key, priority }: Asker,
  count: number,
): Promise<boolean> {
  const [row] = await readRows(
    db,
    sql`SELECT EXISTS (
        SELECT 1 FROM gpu_advert a
        WHERE a.class = ${name} AND a.host <> ${host} AND a.seen_at > now() - ${advertLasts} * interval '1 second'
          AND a.devices - ${count} >= (SELECT count(*) FROM gpu_lease l JOIN training_run held USING (key) LEFT JOIN placement p USING (key)
            WHERE l.host = a.host AND l.class = a.class AND held.outcome IS NULL AND l.expires_at > now()
              AND NOT coalesce(${wouldYieldTo(priority)}, false))
          AND NOT EXISTS (SELECT 1 FROM gpu_lease l WHERE l.host = ${host} AND l.yield_to = ${key})
          AND NOT EXISTS (SELECT 1 FROM gpu_wait w
            WHERE w.host = a.host AND w.class = a.class AND w.asked_at > now() - ${asksLast})
      ) OR EXISTS (
        SELECT 1 FROM placement p JOIN training_run r USING (key)
        WHERE p.class = ${name} AND p.priority < ${priority} AND r.outcome IS NULL
          AND NOT EXISTS (SELECT 1 FROM gpu_lease l WHERE l.key = p.key)
          AND NOT EXISTS (SELECT 1 FROM gpu_wait w WHERE w.key = p.key AND w.asked_at > now() - ${asksLast})
      ) AS better`,
  );
  return row?.better === true;
}

/** Seconds without a renewal, of which there is one every three, after which nobody is thought to look after a holder. */
const renewalsLast = 9;

/**
 * Whether a training that holds GPUs of a machine has lost its worker. The next one needs a slot to look after it, and who waits for these
 * very GPUs must not keep it from that.
 */
export async function hasUnwatchedHolder(
  db: Executor,
  { host, class: name }: Pick<Asker, 'host' | 'class'>,
): Promise<boolean> {
  const [row] = await readRows(
    db,
    sql`SELECT EXISTS (
        SELECT 1 FROM gpu_lease l JOIN training_run r USING (key)
        WHERE l.host = ${host} AND l.class = ${name} AND r.outcome IS NULL
          AND l.renewed_at < now() - ${renewalsLast} * interval '1 second'
      ) AS unwatched`,
  );
  return row?.unwatched === true;
}
