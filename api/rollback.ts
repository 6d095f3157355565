import type { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import { milliseconds } from '../contracts/duration.js';
import { workflowId } from '../contracts/messages.js';
import type { RollbackStarted } from '../contracts/overview.js';
import type { rollbackRequest } from '../contracts/release.js';
import type { ReleaseModelInput } from '../contracts/stages.js';
import type { Database } from '../db/connect.js';
import { findModel } from '../db/model/overview.js';
import { chooseRollback } from '../db/release/rollback.js';
import { loadSpec } from '../db/model/spec.js';
import { findOpenRelease, howItEnded, type OpenRelease } from './end-release.js';
import { resultWithin, startWorkflow, type Engine } from './workflow-calls.js';

type Doors = { db: Database; engine: Engine };
type Request = z.output<typeof rollbackRequest>;

/**
 * Gives traffic back. A release under way is ended, which gives the champion its traffic again; where that is not all that was asked for,
 * or none is under way, a release with the plan "at once to version N" follows. Where the version to go back from has no traffic any more
 * nothing is changed, so that a second run goes back no further. Throws MODEL_RETIRED off the air, RELEASE_STATE while another rollback is
 * under way or when the version in release itself was named.
 */
export async function startRollback(
  { db, engine }: Doors,
  model: string,
  request: Request,
): Promise<RollbackStarted> {
  const { offAirAt } = await findModel(db, model);
  if (offAirAt)
    throw new PerennialError('MODEL_RETIRED', `'${model}' is off the air since ${offAirAt}.`);
  const open = await findOpenRelease({ db, engine }, model);
  if (!open) return releaseAtOnce({ db, engine }, model, request);
  const { version, champion } = open;
  const { from, by, reason } = request;
  if (from !== undefined && from !== version && from !== champion)
    return unchanged(model, {
      from,
      to: champion,
      explanation: `v${from} is not the champion, and the release under way is of v${version}.`,
    });
  await refuseMistaken(db, model, open, request);
  const { runId, outcome, ...last } = await open.end({ by, reason: `rollback: ${reason}` });
  const ended = { version, outcome };
  // It was promoted before the abort came, or is not all that was asked for.
  if (outcome === 'promoted' || (outcome !== null && goesFurther(open, request))) {
    const still = outcome === 'promoted' ? (from ?? version) : (champion ?? undefined);
    return { ...(await releaseAtOnce({ db, engine }, model, { ...request, from: still })), ended };
  }
  return {
    model,
    ended,
    from: version,
    to: champion,
    workflowId: workflowId.release(model),
    runId,
    outcome,
    explanation: last.reason,
  };
}

/** Whether another version than the champion of the open release was asked for. */
function goesFurther(open: OpenRelease, { from, to }: Request): boolean {
  const { champion } = open;
  if (to !== undefined) return to !== champion;
  return goesBack(open) || (champion !== null && from === champion);
}

/** Before anything is ended: what cannot follow is refused. */
async function refuseMistaken(
  db: Database,
  model: string,
  open: OpenRelease,
  request: Request,
): Promise<void> {
  const { to } = request;
  if (open.isRollback)
    throw new PerennialError('RELEASE_STATE', `A rollback of '${model}' is under way already.`);
  if (to === open.version && !goesBack(open))
    throw new PerennialError(
      'RELEASE_STATE',
      `v${to} of '${model}' is the one in release; \`perennial promote ${model}\` gives it all traffic.`,
    );
  if (goesFurther(open, request))
    await chooseRollback(db, model, { from: open.champion ?? undefined, to });
}

/** One that lost its workflow may have been a rollback itself. */
function goesBack({ version, champion }: OpenRelease): boolean {
  return champion !== null && version < champion;
}

async function releaseAtOnce(
  { db, engine }: Doors,
  model: string,
  { from: awayFrom, to: named, by, reason }: Request,
): Promise<RollbackStarted> {
  const id = workflowId.release(model);
  const choice = await chooseRollback(db, model, { from: awayFrom, to: named });
  if (choice.kind === 'unchanged')
    return unchanged(model, {
      from: choice.from,
      to: choice.champion,
      explanation: choice.reason,
    });
  const { from, to, delivery, specDigest } = choice;
  const { spec } = await loadSpec(db, specDigest);
  const input: ReleaseModelInput = {
    model,
    delivery,
    version: to,
    champion: from,
    specDigest,
    requestedBy: by,
    steps: [{ kind: 'promote' }],
    every: milliseconds(spec.release.judge.every),
    maximumTime: milliseconds(spec.release.judge.maximumTime),
    immediate: { reason },
  };
  const summary = `Rollback of ${model} to v${to}, asked for by ${by}`;
  const handle = await startWorkflow(engine, 'releaseModel', { id, input, summary });
  if (!handle)
    throw new PerennialError('RELEASE_STATE', `Another release of '${model}' has begun meanwhile.`);
  await resultWithin(engine, handle, engine.patience);
  const { outcome, reason: explanation } = await howItEnded(db, model, delivery);
  return {
    model,
    ended: null,
    from,
    to,
    workflowId: id,
    runId: handle.firstExecutionRunId,
    outcome,
    explanation,
  };
}

function unchanged(
  model: string,
  answer: Pick<RollbackStarted, 'from' | 'to' | 'explanation'>,
): RollbackStarted {
  return {
    model,
    ended: null,
    ...answer,
    workflowId: workflowId.release(model),
    runId: null,
    outcome: 'unchanged',
  };
}
