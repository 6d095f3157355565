import { sql } from 'drizzle-orm';
import type { AskedGpus } from '../../contracts/placement.js';
import type { Database } from '../connect.js';

/** How often one training gives way to more urgent ones; then it is left alone. The trigger on `gpu_lease` knows the same number. */
export const mostPreemptions = 3;

/**
 * Gives an attempt its place among those who wait for GPUs. One whose predecessor gave way to another training keeps its predecessor's
 * place. A second run finds the row and changes nothing.
 */
export async function recordPlacement(
  db: Database,
  { key, before }: { key: string; before: string | null },
  { class: name, count, priority }: AskedGpus,
): Promise<void> {
  await db.execute(sql`
    WITH before AS (
      SELECT p.since, p.preempted, coalesce(r.outcome @> '{"preempted": true}', false) AS gave_way
      FROM placement p JOIN training_run r USING (key) WHERE p.key = ${before}
    )
    INSERT INTO placement (key, class, count, priority, since, preempted)
    SELECT ${key}, ${name}, ${count}, ${priority},
      CASE WHEN gave_way THEN since ELSE now() END, coalesce(preempted + gave_way::int, 0)
    FROM (VALUES (1)) AS one LEFT JOIN before ON true
    ON CONFLICT DO NOTHING`);
}
