import { and, desc, eq, isNull, ne } from 'drizzle-orm';
import type { Route } from '../../contracts/serving.js';
import type { CloseReleaseInput, RestoreRouteInput } from '../../contracts/stages.js';
import { appendAudit } from '../audit.js';
import type { Executor, Transaction } from '../connect.js';
import { addToOutbox } from '../outbox.js';
import { release } from '../schema/release.js';
import { championNumber, setChampion } from './promotion.js';
import { endRelease } from './release.js';
import { addRoute, currentRoute, lockRoute } from './route.js';

/** How a route is put back, as release/ says it: what the act is called, and the arms of a champion alone. */
export interface UndoRules {
  actsOf: (release: { delivery: number; version: number }) => string;
  championArms: (version: number) => Route['arms'];
}

/**
 * Everything back to the champion there was before a version; a promotion that did go through is undone with its alias. Answers with the
 * revision in force, and whether there was no champion to go back to. A second run finds the version without traffic and moves nothing.
 */
export async function restoreChampion(
  tx: Transaction,
  { by = 'perennial', ...input }: RestoreRouteInput & { by?: string | undefined },
  { actsOf, championArms }: UndoRules,
): Promise<{ revision: number; stranded: boolean }> {
  const { model, version, champion, delivery, reason } = input;
  await lockRoute(tx, model);
  const route = await currentRoute(tx, model);
  if (!route?.arms.some((arm) => arm.version === version))
    return { revision: route?.revision ?? 0, stranded: false };
  // A first version has no predecessor to go back to: taking the model off the air is a person's decision.
  if (champion === null || champion === version)
    return { revision: route.revision, stranded: true };
  if ((await championNumber(tx, model)) === version) await setChampion(tx, model, champion);
  const revision = await addRoute(
    tx,
    {
      model,
      salt: route.salt,
      arms: championArms(champion),
      act: `${actsOf(input)}/restore@${route.revision}`,
      reason,
    },
    route.revision,
  );
  await appendAudit(tx, {
    actor: by,
    action: 'route.restored',
    subject: `${model} v${version}`,
    detail: { delivery, champion, revision, reason },
  });
  return { revision, stranded: false };
}

/** Records how a release ended, and tells so. A second run finds it ended and tells nobody again. */
export async function recordReleaseEnd(
  tx: Transaction,
  { runId, ...input }: CloseReleaseInput & { runId?: string },
): Promise<void> {
  const { model, version, delivery, outcome, reason } = input;
  const key = { model, delivery, version, ...(runId === undefined ? {} : { runId }) };
  if (!(await endRelease(tx, key, { status: outcome, reason }))) return;
  const revision = (await currentRoute(tx, model))?.revision ?? 0;
  await addToOutbox(tx, {
    key: `release.${outcome}/${model}/${delivery}/${version}/${revision}`,
    type: `release.${outcome}`,
    subject: `${model} v${version}`,
    payload: { ...input, revision },
  });
  await appendAudit(tx, {
    actor: input.by ?? 'perennial',
    action: `release.${outcome}`,
    subject: `${model} v${version}`,
    detail: { delivery, reason, revision },
  });
}

/** A release that the records call open. */
export interface OpenRelease {
  runId: string;
  model: string;
  version: number;
  champion: number | null;
  delivery: number;
}

/** The newest release of a model, where it is open. Whether its workflow still runs, only Temporal knows. */
export async function findNewestOpen(db: Executor, model: string): Promise<OpenRelease | null> {
  const [row] = await db
    .select()
    .from(release)
    .where(eq(release.model, model))
    .orderBy(desc(release.startedAt))
    .limit(1);
  return row && row.endedAt === null ? row : null;
}

/** Ends a release that has lost its workflow and gives its traffic to the champion. A second run finds it ended. */
export async function endLostRelease(
  tx: Transaction,
  { runId, model, version, delivery }: OpenRelease,
  ending: Pick<CloseReleaseInput, 'outcome' | 'by' | 'reason'>,
  rules: UndoRules,
): Promise<void> {
  await lockRoute(tx, model);
  const [open] = await tx
    .select({ runId: release.runId })
    .from(release)
    .where(and(eq(release.runId, runId), isNull(release.endedAt)))
    .for('update');
  if (!open) return;
  const key = { model, version, delivery };
  const now = await championNumber(tx, model);
  // A promotion closes its release: what is champion although this one is open, another release made so.
  if (now !== version) await restoreChampion(tx, { ...key, ...ending, champion: now }, rules);
  await recordReleaseEnd(tx, { ...key, ...ending, runId });
}

/**
 * Ends what is open of a model besides the release of one run. One release of a model runs at a time, by the workflow's id: those have lost
 * their workflows. A second run finds none.
 */
export async function endLostReleases(
  tx: Transaction,
  { model, runId }: Pick<OpenRelease, 'model' | 'runId'>,
  rules: UndoRules,
): Promise<void> {
  const lost = await tx
    .select()
    .from(release)
    .where(and(eq(release.model, model), ne(release.runId, runId), isNull(release.endedAt)))
    .orderBy(desc(release.startedAt));
  const reason = 'Its workflow ended without closing it.';
  for (const each of lost)
    await endLostRelease(tx, each, { outcome: 'rolled-back', reason }, rules);
}
