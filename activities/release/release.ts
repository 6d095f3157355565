import { appendAudit } from '../../db/audit.js';
import type { Database, Transaction } from '../../db/connect.js';
import { addToOutbox } from '../../db/outbox.js';
import { championNumber, requireApproval, setChampion } from '../../db/release/promotion.js';
import { endRelease, markRelease, markSteered } from '../../db/release/release.js';
import {
  addRoute,
  currentRoute,
  lockRoute,
  requireRevision,
  revisionOfAct,
} from '../../db/release/route.js';
import { endLostReleases, recordReleaseEnd, restoreChampion } from '../../db/release/undo.js';
import { release } from '../../db/schema/release.js';
import type {
  CloseReleaseInput,
  MoveRouteInput,
  OpenReleaseInput,
  PromoteInput,
  RestoreRouteInput,
  RouteMoved,
  SteerReleaseInput,
} from '../../contracts/stages.js';
import { PerennialError } from '../../contracts/errors.js';
import { actsOf, stepActsOf } from '../../release/acts.js';
import { canaryArms, championArms } from '../../release/arms.js';
import { percent } from '../../release/words.js';
import type { Log } from '../../runtime/log.js';
import type { ReleaseActivities } from '../index.js';

const undoRules = { actsOf, championArms };

/** Moves traffic. Each act stands in the route under its own name, so a second run finds the first one's revision. */
export function createReleaseActivities({
  db,
  log,
}: {
  db: Database;
  log: Log;
}): ReleaseActivities {
  /**
   * Records a release, ends what lost its workflow before, and answers with the revision that the first move is fenced by. A second run
   * finds the row by the run's id and answers with the same revision, since the release has moved nothing yet.
   */
  async function openRelease(input: OpenReleaseInput): Promise<RouteMoved> {
    return db.transaction(async (tx) => {
      const opened = await tx
        .insert(release)
        .values({
          runId: input.runId,
          model: input.model,
          version: input.version,
          champion: input.champion,
          delivery: input.delivery,
          workflowId: input.workflowId,
          status: 'staging',
          steps: input.steps,
          requestedBy: input.requestedBy,
          reason: input.immediate?.reason ?? '',
        })
        .onConflictDoNothing()
        .returning({ runId: release.runId });
      if (opened.length > 0) await endLostReleases(tx, input, undoRules);
      const revision = (await currentRoute(tx, input.model))?.revision ?? 0;
      if (opened.length === 0) return { revision };
      await appendAudit(tx, {
        actor: input.requestedBy,
        action: 'release.opened',
        subject: subjectOf(input),
        detail: {
          delivery: input.delivery,
          champion: input.champion,
          steps: input.steps,
          revision,
        },
      });
      return { revision };
    });
  }

  /** Gives the canary its share. A second run finds the act done and moves nothing. Throws FENCED, PROMOTION_REFUSED. */
  async function moveRoute(input: MoveRouteInput): Promise<RouteMoved> {
    const act = `${stepActsOf(input)}${input.step}@${input.expectedRevision}`;
    return db.transaction(async (tx) => {
      await lockRoute(tx, input.model);
      const done = await revisionOfAct(tx, input.model, act);
      if (done !== null) return { revision: done };
      await requireRevision(tx, input.model, input.expectedRevision);
      await requireApproval(tx, input.model, input.version);
      await requireChampion(tx, input);
      const reason = `v${input.version} gets ${percent(input.share)} beside v${input.champion}`;
      const revision = await addRoute(
        tx,
        {
          model: input.model,
          salt: saltOf(input),
          arms: canaryArms({
            champion: input.champion,
            canary: input.version,
            share: input.share,
          }),
          act,
          reason,
        },
        input.expectedRevision,
      );
      await markRelease(tx, input, { status: 'canary', step: input.step });
      await appendAudit(tx, {
        actor: 'perennial',
        action: 'route.moved',
        subject: subjectOf(input),
        detail: { delivery: input.delivery, step: input.step, share: input.share, revision },
      });
      return { revision };
    });
  }

  /**
   * Makes a version the champion: alias, route, release, audit entry and notice in one transaction. A second run finds the act done.
   * Throws FENCED when somebody else moved the route or the alias, PROMOTION_REFUSED without an approval of exactly its evidence.
   */
  async function promoteVersion(input: PromoteInput): Promise<RouteMoved> {
    const act = `${actsOf(input)}/promote@${input.expectedRevision}`;
    return db.transaction(async (tx) => {
      await lockRoute(tx, input.model);
      const done = await revisionOfAct(tx, input.model, act);
      if (done !== null) return { revision: done };
      await requireRevision(tx, input.model, input.expectedRevision);
      await requireChampion(tx, input);
      await requireApproval(tx, input.model, input.version);
      await setChampion(tx, input.model, input.version);
      const revision = await addRoute(
        tx,
        {
          model: input.model,
          salt: saltOf(input),
          arms: championArms(input.version),
          act,
          reason: input.reason,
        },
        input.expectedRevision,
      );
      await endRelease(tx, input, { status: 'promoted', reason: input.reason });
      await addToOutbox(tx, {
        key: `version.promoted/${input.model}/${revision}`,
        type: 'version.promoted',
        subject: subjectOf(input),
        payload: {
          model: input.model,
          version: input.version,
          champion: input.champion,
          delivery: input.delivery,
          revision,
          by: input.by,
          reason: input.reason,
        },
      });
      await appendAudit(tx, {
        actor: input.by,
        action: 'version.promoted',
        subject: subjectOf(input),
        detail: {
          delivery: input.delivery,
          champion: input.champion,
          revision,
          reason: input.reason,
        },
      });
      return { revision };
    });
  }

  /**
   * Compensation: everything back to the champion there was. Where the version has no traffic there is nothing to do, so a second
   * run, or one that comes after another release has begun, moves nothing. A promotion that did go through is undone with its alias.
   */
  async function restoreRoute(input: RestoreRouteInput): Promise<RouteMoved> {
    return db.transaction(async (tx) => {
      const { revision, stranded } = await restoreChampion(tx, input, undoRules);
      if (stranded) log.warn('A release without a champion before it was not undone', { ...input });
      return { revision };
    });
  }

  /** Records that a person paused, resumed or extended a release. A second run finds the command counted and writes nothing. */
  async function steerRelease(input: SteerReleaseInput): Promise<void> {
    const { act, status, steered, by, reason } = input;
    await db.transaction(async (tx) => {
      const before = await markSteered(tx, input, { status, steered });
      if (before === null) return;
      await appendAudit(tx, {
        actor: by,
        action: `release.${steeredTo(act, status)}`,
        subject: subjectOf(input),
        detail: { delivery: input.delivery, before, reason },
      });
    });
  }

  /** Records how a release ended. A second run finds it ended and tells nobody again. */
  async function closeRelease(input: CloseReleaseInput): Promise<void> {
    await db.transaction((tx) => recordReleaseEnd(tx, input));
  }

  return { openRelease, moveRoute, promoteVersion, restoreRoute, steerRelease, closeRelease };
}

/** A release that began beside another champion has nothing to compare with, nor to replace. */
async function requireChampion(
  tx: Transaction,
  { model, version, champion }: { model: string; version: number; champion: number | null },
): Promise<void> {
  const found = await championNumber(tx, model);
  if (found === champion) return;
  const name = (number: number | null): string => (number === null ? 'none' : `v${number}`);
  throw new PerennialError(
    'FENCED',
    `v${version} of ${model} was to follow champion ${name(champion)}, but the champion is ${name(found)}.`,
    { model, champion, found },
  );
}

/** How the audit trail calls a command; workflows of before told only what it led to. */
function steeredTo(act: SteerReleaseInput['act'], status: SteerReleaseInput['status']): string {
  if (act === 'extend') return 'extended';
  return status === 'paused' ? 'paused' : 'resumed';
}

const subjectOf = ({ model, version }: { model: string; version: number }): string =>
  `${model} v${version}`;

/** The same for all steps of a release, so that none moves an entity between arms; another one for the next, so that the canary is not always met by the same ones. */
const saltOf = ({ model, delivery }: { model: string; delivery: number }): string =>
  `${model}/${delivery}`;
