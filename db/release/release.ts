import { and, desc, eq, isNull, lte, ne, sql } from 'drizzle-orm';
import type { Judgement } from '../../contracts/release.js';
import type { ReleaseStatus } from '../../contracts/release-state.js';
import type { DeliveryKey } from '../../contracts/stages.js';
import type { Executor, Transaction } from '../connect.js';
import { release, releaseStep } from '../schema/release.js';

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

async function releaseOfRun(db: Executor, runId: string): Promise<Row | null> {
  const [row] = await db.select().from(release).where(eq(release.runId, runId));
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

/**
 * Says what a judge found, unless a person has steered the release since that judge was sent, or keeps it paused: false then. `steered` is
 * how often a person had when it was sent; a judge that was not told is heard, but for the pause.
 */
export async function markJudged(
  db: Executor,
  key: ReleaseKey,
  { steered, ...change }: { status: ReleaseStatus; step?: number; steered: number | undefined },
): Promise<boolean> {
  const row = await latestRelease(db, key);
  if (!row) return true;
  const marked = await db
    .update(release)
    .set(change)
    .where(
      and(
        eq(release.runId, row.runId),
        isNull(release.endedAt),
        ne(release.status, 'paused'),
        steered === undefined ? undefined : lte(release.steered, steered),
      ),
    )
    .returning({ runId: release.runId });
  return marked.length > 0;
}

/**
 * Says where a person has steered a running release to; answers with where it stood, or null when it has ended or this was said before. It
 * was when as many commands are recorded or, where the command has no number, when the release stands so.
 */
export async function markSteered(
  tx: Transaction,
  key: ReleaseKey,
  { status, steered }: { status: ReleaseStatus; steered: number | undefined },
): Promise<ReleaseStatus | null> {
  const newest = await latestRelease(tx, key);
  if (!newest) return null;
  const [row] = await tx
    .select()
    .from(release)
    .where(eq(release.runId, newest.runId))
    .for('update');
  if (!row || row.endedAt) return null;
  if (steered === undefined ? row.status === status : row.steered >= steered) return null;
  await tx
    .update(release)
    .set({ status, steered: steered ?? row.steered })
    .where(eq(release.runId, row.runId));
  return row.status;
}

/** Ends the newest release of a version, or that of the run named; false when it had ended so before. */
export async function endRelease(
  tx: Transaction,
  { runId, ...key }: ReleaseKey & { runId?: string },
  end: { status: ReleaseStatus; reason: string },
): Promise<boolean> {
  const row = runId === undefined ? await latestRelease(tx, key) : await releaseOfRun(tx, runId);
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
