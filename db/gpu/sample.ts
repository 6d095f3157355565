import { sql } from 'drizzle-orm';
import { gpuUsage, type GpuUsage } from '../../contracts/training-view.js';
import type { Executor } from '../connect.js';
import { instantOf, readRows } from '../rows.js';
import { gpuSample } from '../schema/training-seen.js';

/** One look at one GPU; null is what its driver does not tell. */
export interface GpuSample {
  device: string;
  name: string;
  utilisation: number | null;
  memoryMib: number | null;
  memoryTotalMib: number | null;
  watts: number | null;
}

/** A longer gap between two looks is one in which nobody looked: no energy is counted for it. */
const longestGapSeconds = 60;

/** Keeps one look at the GPUs of an attempt. The same instant again changes nothing. */
export async function recordGpuSamples(
  db: Executor,
  key: string,
  at: Date,
  samples: GpuSample[],
): Promise<void> {
  if (samples.length === 0) return;
  await db
    .insert(gpuSample)
    .values(samples.map((sample) => ({ key, at, ...sample })))
    .onConflictDoNothing();
}

/** What the GPUs of these attempts did, by key: power is integrated over time by trapezoids between neighbouring looks. */
export async function readGpuUsage(
  db: Executor,
  model: string,
  delivery: number,
): Promise<Map<string, GpuUsage[]>> {
  const rows = await readRows(
    db,
    sql`WITH looks AS (
        SELECT s.*, extract(epoch FROM s.at - lag(s.at) OVER each) AS gap, lag(s.watts) OVER each AS before
        FROM gpu_sample s JOIN training_run r USING (key)
        WHERE r.model = ${model} AND r.delivery = ${delivery}
        WINDOW each AS (PARTITION BY s.key, s.device ORDER BY s.at))
      SELECT key, device, max(name) AS name, count(*)::int AS samples, avg(utilisation)::float8 AS utilisation,
        max(memory_mib)::float8 AS memory_peak, max(memory_total_mib)::float8 AS memory_total, max(at) AS last_at,
        (array_agg(watts ORDER BY at DESC))[1]::float8 AS watts,
        (sum((watts + before)::float8 / 2 * gap) FILTER (WHERE gap <= ${longestGapSeconds}))::float8 AS joules
      FROM looks GROUP BY key, device ORDER BY key, device`,
  );
  const usages = new Map<string, GpuUsage[]>();
  for (const row of rows) {
    const usage = gpuUsage.parse({
      device: row.device,
      name: row.name,
      samples: row.samples,
      utilisation: row.utilisation,
      memoryPeakMib: row.memory_peak,
      memoryTotalMib: row.memory_total,
      watts: row.watts,
      joules: row.joules,
      lastAt: instantOf(row.last_at),
    });
    const key = String(row.key);
    usages.set(key, [...(usages.get(key) ?? []), usage]);
  }
  return usages;
}
