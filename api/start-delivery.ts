import { setTimeout as wait } from 'node:timers/promises';
import type { z } from 'zod';
import type {
  startDelivery as startDeliveryContract,
  StartedDelivery,
} from '../contracts/delivery.js';
import { PerennialError } from '../contracts/errors.js';
import { workflowId } from '../contracts/messages.js';
import type { Database } from '../db/connect.js';
import { findOpenApproval } from '../db/delivery/approval-view.js';
import { findRunningRequest, type RunningRequest } from '../db/delivery/view.js';
import { findModel } from '../db/model/overview.js';
import { loadSpec } from '../db/model/spec.js';
import { patiently, resultWithin, startWorkflow, type Engine } from './workflow-calls.js';

type Request = z.output<typeof startDeliveryContract>;

/** A delivery that another one replaces has this long, in ms, to undo what it did. */
const supersedePatience = 60_000;

/**
 * Starts a delivery. Where one is running, `join` hands back that one if it was asked for the same spec and window, `supersede` cancels
 * it, waits for its end and starts anew, and `refuse` (like an unequal `join`) throws DELIVERY_IN_PROGRESS.
 */
export async function startDelivery(
  { db, engine }: { db: Database; engine: Engine },
  asked: Request,
): Promise<StartedDelivery> {
  const { ifRunning, ...request } = asked;
  const { model } = request;
  const specDigest = await checkSpec(db, request);
  const id = workflowId.deliver(model);
  const input = { ...request, specDigest };
  const summary = `Delivery of ${model}, ${request.trigger}, asked for by ${request.requestedBy}`;
  const begin = () => startWorkflow(engine, 'deliverModel', { id, input, summary });

  const started = await begin();
  if (started) return startedAs(model, id, started.firstExecutionRunId, false);
  const running = await describeRunning(engine, id);
  if (running === null) return startDelivery({ db, engine }, asked);
  const found = await awaitOpened(db, model, running.runId);
  const handle = engine.client.workflow.getHandle(id, undefined, {
    firstExecutionRunId: running.runId,
  });
  // One that has ended but for its last step is neither joined nor in the way.
  if (found?.ended && (await resultWithin(engine, handle, engine.patience)) !== undefined)
    return startDelivery({ db, engine }, asked);
  if (ifRunning === 'join' && found && isSameRequest(found, { ...request, specDigest }))
    return startedAs(model, id, running.runId, true);
  if (ifRunning !== 'supersede') throw await inProgress(db, model, found, ifRunning);

  await patiently(engine, () => handle.cancel());
  const ended = await resultWithin(engine, handle, supersedePatience);
  const again = ended === undefined ? null : await begin();
  if (!again) throw await inProgress(db, model, found, ifRunning);
  return startedAs(model, id, again.firstExecutionRunId, false);
}

function startedAs(model: string, id: string, runId: string, joined: boolean): StartedDelivery {
  return { model, workflowId: id, runId, joined };
}

/** The spec that will be delivered. Throws MODEL_NOT_FOUND, MODEL_RETIRED, SPEC_NOT_FOUND. */
async function checkSpec(
  db: Database,
  { model, specDigest }: Pick<Request, 'model' | 'specDigest'>,
): Promise<string> {
  const { retiredAt, specDigest: current } = await findModel(db, model);
  if (retiredAt)
    throw new PerennialError('MODEL_RETIRED', `Model '${model}' was retired at ${retiredAt}.`);
  const digest = specDigest ?? current;
  if (digest === null)
    throw new PerennialError('SPEC_NOT_FOUND', `Model '${model}' has no spec yet.`);
  const { spec } = await loadSpec(db, digest);
  if (spec.model !== model)
    throw new PerennialError(
      'SPEC_NOT_FOUND',
      `Spec ${digest} is of model '${spec.model}', not '${model}'.`,
    );
  return digest;
}

async function describeRunning(engine: Engine, id: string): Promise<{ runId: string } | null> {
  const description = await patiently(engine, (client) => client.workflow.getHandle(id).describe());
  if (description.status.name !== 'RUNNING') return null;
  return { runId: description.raw.workflowExecutionInfo?.firstRunId || description.runId };
}

/** A delivery just started has no row for a moment. */
async function awaitOpened(
  db: Database,
  model: string,
  firstRunId: string,
): Promise<RunningRequest | null> {
  for (let look = 0; look < 10; look += 1) {
    const found = await findRunningRequest(db, model, firstRunId);
    if (found) return found;
    await wait(200);
  }
  return null;
}

function isSameRequest(
  running: RunningRequest,
  { specDigest, window }: { specDigest: string; window?: Request['window'] },
): boolean {
  const wanted = window && {
    from: new Date(window.from).toISOString(),
    to: new Date(window.to).toISOString(),
  };
  return (
    running.specDigest === specDigest &&
    running.window?.from === wanted?.from &&
    running.window?.to === wanted?.to
  );
}

async function inProgress(
  db: Database,
  model: string,
  running: RunningRequest | null,
  ifRunning: Request['ifRunning'],
): Promise<PerennialError> {
  const approval = await findOpenApproval(db, model);
  const which = running ? `Delivery ${running.number} of '${model}'` : `A delivery of '${model}'`;
  const where = running ? `in stage '${running.stage}'` : 'just starting';
  const awaited = approval
    ? `; it waits for the decision of ${approval.approvers.join(', ') || 'any principal'}`
    : '';
  const why = {
    join: ', and it was asked for another spec or window',
    refuse: '',
    supersede: ', and it has not ended after being cancelled',
  }[ifRunning];
  return new PerennialError('DELIVERY_IN_PROGRESS', `${which} is ${where}${awaited}${why}.`, {
    delivery: running?.number ?? null,
    stage: running?.stage ?? null,
    awaiting: approval?.approvers ?? [],
  });
}
