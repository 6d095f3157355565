import type { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import { milliseconds } from '../contracts/duration.js';
import { workflowId } from '../contracts/messages.js';
import type { RollbackStarted } from '../contracts/overview.js';
import { releaseOutcome, type rollbackRequest } from '../contracts/release.js';
import type { ReleaseModelInput } from '../contracts/stages.js';
import type { Database } from '../db/connect.js';
import { findModel } from '../db/overview.js';
import { chooseRollback, findReleaseOf } from '../db/release-view.js';
import { loadSpec } from '../db/spec.js';
import { isRunning, resultWithin, startWorkflow, type Engine } from './workflow-calls.js';

/** A rollback is a release with the plan "at once to version N". Throws RELEASE_STATE when another release is under way. */
export async function startRollback(
  { db, engine }: { db: Database; engine: Engine },
  model: string,
  { to: named, by, reason }: z.output<typeof rollbackRequest>,
): Promise<RollbackStarted> {
  await findModel(db, model);
  const id = workflowId.release(model);
  // Asked first: whoever means the canary that is under way should abort it, not look for an older version.
  if (await isRunning(engine, id)) throw underWay(model);
  const { from, to, delivery, specDigest } = await chooseRollback(db, model, named);
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
  if (!handle) throw underWay(model);
  await resultWithin(engine, handle, engine.patience);
  const release = await findReleaseOf(db, model, delivery);
  const ended = release?.endedAt ? releaseOutcome.safeParse(release.status).data : undefined;
  return {
    model,
    from,
    to,
    workflowId: id,
    runId: handle.firstExecutionRunId,
    outcome: ended ?? null,
    explanation: release?.reason ?? '',
  };
}

function underWay(model: string): PerennialError {
  return new PerennialError(
    'RELEASE_STATE',
    `A release of '${model}' is under way; end it first with \`perennial abort ${model}\`.`,
  );
}
