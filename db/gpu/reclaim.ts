import { and, eq, isNotNull, or, sql } from 'drizzle-orm';
import type { Database } from '../connect.js';
import { gpuLease } from '../schema/gpu-lease.js';
import { trainingRun } from '../schema/training.js';

/** A training that holds devices of a machine and is over, or whose lease nobody has renewed in its time. */
export interface OverdueLease {
  key: string;
  ended: boolean;
}

const lapsed = sql`${gpuLease.expiresAt} <= now()`;
const ended = sql`EXISTS (SELECT 1 FROM training_run r WHERE r.key = ${gpuLease.key} AND r.outcome IS NOT NULL)`;

export async function listOverdue(db: Database, host: string): Promise<OverdueLease[]> {
  return db
    .selectDistinct({
      key: trainingRun.key,
      ended: isNotNull(trainingRun.outcome).mapWith(Boolean),
    })
    .from(gpuLease)
    .innerJoin(trainingRun, eq(trainingRun.key, gpuLease.key))
    .where(and(eq(gpuLease.host, host), or(lapsed, isNotNull(trainingRun.outcome))));
}

/**
 * Frees what such a training holds of a machine, unless somebody has renewed it since. Only once nothing of it runs there any more: whoever
 * gets the devices next starts at once. Again, it changes nothing.
 */
export async function freeOverdue(db: Database, host: string, key: string): Promise<void> {
  await db
    .update(gpuLease)
    .set({ key: null, takenAt: null, renewedAt: null, expiresAt: null })
    .where(and(eq(gpuLease.host, host), eq(gpuLease.key, key), or(lapsed, ended)));
}
