import { sql } from 'drizzle-orm';
import type { Database } from '../connect.js';
import type { OwnedGpus } from '../../contracts/placement.js';
import { gpuAdvert } from '../schema/placement.js';

/** Seconds after which a machine that has not said what it owns serves nobody. */
export const advertLasts = 90;

/** Says what this machine owns. Said again, it holds from now on; machines that have been silent for a day are forgotten. */
export async function advertiseGpus(db: Database, owned: OwnedGpus[]): Promise<void> {
  if (owned.length === 0) return;
  await db
    .insert(gpuAdvert)
    .values(owned.map(({ host, devices, ...gpus }) => ({ host, ...gpus, devices: devices.length })))
    .onConflictDoUpdate({
      target: [gpuAdvert.host, gpuAdvert.class],
      set: { devices: sql`excluded.devices`, seenAt: sql`now()` },
    });
  await db.execute(sql`DELETE FROM gpu_advert WHERE seen_at < now() - interval '1 day'`);
}
