import { and, desc, eq, isNull, sql } from 'drizzle-orm';
import type { Judgement } from '../contracts/release.js';
import type { ReleaseStatus } from '../contracts/release-state.js';
import type { DeliveryKey } from '../contracts/stages.js';
import type { Executor, Transaction } from './connect.js';
import { release, releaseStep } from './schema/release.js';

export interface ReleaseKey extends DeliveryKey {
  version: number;
}

type Row = typeof release.$inferSelect;

/** The newest release of a version by a delivery; a version that is rolled back to has more than one. */
export async function latestRelease(db: Executor, key: ReleaseKey): Promise<Row | null> {
  const [row] = await db
    .select()
    .from(release)
    .where(
      and(
        eq(release.model, key.model),
        eq(release.delivery, key.delivery),
        eq(release.version, key.version),
      ),
    )
    .orderBy(desc(release.startedAt))
    .limit(1);
  return row ?? null;
}

/** Says where a running release stands; one that has ended keeps its end. */
export async function markRelease(
  db: Executor,
  key: ReleaseKey,
  change: { status: ReleaseStatus; step?: number },
): Promise<void> {
  const row = await latestRelease(db, key);
  if (!row) return;
  await db
    .update(release)
    .set(change)
    .where(and(eq(release.runId, row.runId), isNull(release.endedAt)));
}

/** Ends a release; false when it had ended so before. */
export async function endRelease(
  tx: Transaction,
  key: ReleaseKey,
  end: { status: ReleaseStatus; reason: string },
): Promise<boolean> {
  const row = await latestRelease(tx, key);
  if (!row || (row.endedAt && row.status === end.status)) return false;
  await tx
    .update(release)
    .set({ ...end, endedAt: sql`clock_timestamp()` })
    .where(eq(release.runId, row.runId));
  return true;
}

/** Keeps one look under its number; false when another judge, cancelled but not yet stopped, has taken the number. */
export async function storeJudgement(
  db: Executor,
  key: ReleaseKey,
  judgement: Judgement,
): Promise<boolean> {
  const stored = await db
    .insert(releaseStep)
    .values({ ...key, step: judgement.step, look: judgement.look, judgement })
    .onConflictDoNothing()
    .returning({ look: releaseStep.look });
  return stored.length > 0;
}

/** The newest look of a release, so that a restarted judge goes on where it was. */
export async function lastJudgement(db: Executor, key: ReleaseKey): Promise<Judgement | null> {
  const [row] = await db
    .select({ judgement: releaseStep.judgement })
    .from(releaseStep)
    .where(
      and(
        eq(releaseStep.model, key.model),
        eq(releaseStep.delivery, key.delivery),
        eq(releaseStep.version, key.version),
      ),
    )
    .orderBy(desc(releaseStep.step), desc(releaseStep.look))
    .limit(1);
  return row?.judgement ?? null;
}
