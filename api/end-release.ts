import { PerennialError } from '../contracts/errors.js';
import { queries, workflowId } from '../contracts/messages.js';
import { releaseOutcome, type ReleaseOutcome } from '../contracts/release.js';
import type { ReleasePlanAnswer } from '../contracts/states.js';
import type { Database } from '../db/connect.js';
import {
  endLostRelease,
  findNewestOpen,
  type OpenRelease as LostRelease,
} from '../db/release/undo.js';
import { findReleaseOf } from '../db/release/view.js';
import { actsOf } from '../release/acts.js';
import { championArms } from '../release/arms.js';
import { callUpdate, isRunning, patiently, resultWithin, type Engine } from './workflow-calls.js';

type Doors = { db: Database; engine: Engine };

/** Who ends a release, and why. */
interface Ending {
  by: string;
  reason: string;
}

/** How a release ended; `outcome` is null while it still does. */
export interface Ended {
  runId: string;
  outcome: ReleaseOutcome | null;
  reason: string;
}

/** A release that nobody has closed. */
export interface OpenRelease {
  version: number;
  champion: number | null;
  /** Under way is a rollback, which nothing is taken back of. */
  isRollback: boolean;
  /** Gives its champion all traffic again and waits for its end, for as long as a caller may. A second run finds it ended. */
  end(ending: Ending): Promise<Ended>;
}

/** The release of a model that is under way, or that Temporal has lost, with all its data say; null where there is none. */
export async function findOpenRelease(doors: Doors, model: string): Promise<OpenRelease | null> {
  const id = workflowId.release(model);
  // Before the look at Temporal: what is open here and does not run then was not begun in between.
  const open = await findNewestOpen(doors.db, model);
  if (await isRunning(doors.engine, id)) {
    const plan = await patiently(doors.engine, (client) =>
      client.workflow.getHandle(id).query<ReleasePlanAnswer>(queries.plan),
    );
    const { version, champion, immediate } = plan;
    const end = (ending: Ending) => endRunning(doors, plan, ending);
    return { version, champion, isRollback: immediate !== undefined, end };
  }
  if (!open) return null;
  const { version, champion } = open;
  return { version, champion, isRollback: false, end: (ending) => endLost(doors, open, ending) };
}

async function endRunning(
  { db, engine }: Doors,
  { model, delivery }: ReleasePlanAnswer,
  ending: Ending,
): Promise<Ended> {
  const id = workflowId.release(model);
  try {
    const abort = { name: 'abort', argument: ending, updateId: undefined };
    const message = `No release of '${model}' is under way.`;
    await callUpdate(engine, id, abort, { code: 'RELEASE_NOT_FOUND', message });
  } catch (error) {
    if (!cameLate(error)) throw error;
  }
  await resultWithin(engine, engine.client.workflow.getHandle(id), engine.patience);
  const { runId } = await patiently(engine, (client) => client.workflow.getHandle(id).describe());
  return { runId, ...(await howItEnded(db, model, delivery)) };
}

async function endLost({ db }: Doors, lost: LostRelease, { by, reason }: Ending): Promise<Ended> {
  const ending = { outcome: 'aborted', by, reason: `${reason} (its workflow is gone)` } as const;
  await db.transaction((tx) => endLostRelease(tx, lost, ending, { actsOf, championArms }));
  const { runId, model, delivery } = lost;
  return { runId, ...(await howItEnded(db, model, delivery)) };
}

/** As the records have it, of the newest release of a delivery. */
export async function howItEnded(
  db: Database,
  model: string,
  delivery: number,
): Promise<Omit<Ended, 'runId'>> {
  const release = await findReleaseOf(db, model, delivery);
  const outcome = release?.endedAt ? releaseOutcome.safeParse(release.status).data : undefined;
  return { outcome: outcome ?? null, reason: release?.reason ?? '' };
}

function cameLate(error: unknown): boolean {
  if (!(error instanceof PerennialError)) return false;
  return error.code === 'RELEASE_NOT_FOUND' || error.code === 'RELEASE_STATE';
}
