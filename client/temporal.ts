/**
 * The Temporal-native door: typed calls for a team's own `@temporalio/client`, with nothing of ours in between. The names are in
 * contracts/messages, so other languages do the same by hand.
 */
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Decision } from '../contracts/approval.js';
import type { DeliverModelInput, IfRunning, StartedDelivery } from '../contracts/delivery.js';
import { isErrorCode, PerennialError } from '../contracts/errors.js';
import { queries, taskQueues, workflowId, workflowTypes } from '../contracts/messages.js';
import type { BudgetExtendedAnswer } from '../contracts/money-wait.js';
import type { ReleaseAct } from '../contracts/release-state.js';
import type { ReleaseCommand } from '../contracts/release.js';
import type { DeliveryResult } from '../contracts/stages.js';
import type { Breach, MonitorCommand, MonitorConfiguration } from '../contracts/monitor.js';
import type {
  DeliveryAnswer,
  DeliveryState,
  MonitorAnswer,
  MonitorState,
  ReleaseAnswer,
  ReleaseState,
} from '../contracts/states.js';

export { inboxQuery, searchAttributes } from '../contracts/messages.js';
export { messages, queries, taskQueues, workflowId, workflowTypes } from '../contracts/messages.js';

/**
 * Starts a delivery. One runs at a time per model: `join` answers with the running one, where it was asked for with the same spec and
 * window; `refuse` throws DELIVERY_IN_PROGRESS; `supersede` cancels it, waits for its end and starts anew.
 */
export async function startDelivery(
  client: Client,
  input: DeliverModelInput,
  { ifRunning = 'refuse' }: { ifRunning?: IfRunning } = {},
): Promise<StartedDelivery> {
  const { model } = input;
  const id = workflowId.deliver(model);
  for (;;) {
    try {
      const { firstExecutionRunId } = await client.workflow.start(workflowTypes.deliverModel, {
        workflowId: id,
        taskQueue: taskQueues.pipeline,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'FAIL',
        staticSummary: `Deliver ${model}`,
        args: [input],
      });
      return { model, workflowId: id, runId: firstExecutionRunId, joined: false };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    const joined = await meetRunning(client, input, ifRunning);
    if (joined) return joined;
  }
}

/** The running delivery where it may be joined; null where it has ended meanwhile. */
async function meetRunning(
  client: Client,
  { model, specDigest, window }: DeliverModelInput,
  ifRunning: IfRunning,
): Promise<StartedDelivery | null> {
  const id = workflowId.deliver(model);
  const running = client.workflow.getHandle(id);
  const { status, raw, ...described } = await running.describe();
  if (status.name !== 'RUNNING') return null;
  const runId = raw.workflowExecutionInfo?.firstRunId || described.runId;
  if (ifRunning === 'supersede') {
    // Held to this chain: never the one that comes after it.
    const handle = client.workflow.getHandle(id, undefined, { firstExecutionRunId: runId });
    await handle.cancel();
    await handle.result().catch(() => {});
    return null;
  }
  const [state, plan] = await Promise.all([deliveryState(client, model), deliveryPlan(running)]);
  const sameSpec = specDigest === undefined || plan?.specDigest === specDigest;
  const sameWindow = state.window?.from === window?.from && state.window?.to === window?.to;
  if (ifRunning === 'join' && sameSpec && sameWindow)
    return { model, workflowId: id, runId, joined: true };
  const awaits =
    state.approval?.standing === 'open'
      ? `; it awaits a vote of ${state.approval.approvers.join(', ') || 'any principal'}`
      : '';
  throw new PerennialError(
    'DELIVERY_IN_PROGRESS',
    `Delivery ${state.delivery ?? ''} of ${model} runs already, in stage ${state.stage}${awaits}.`,
  );
}

function deliveryPlan(handle: WorkflowHandle): Promise<{ specDigest: string } | null> {
  return handle.query<{ specDigest: string } | null>(queries.plan);
}

/** The result of the model's present or last delivery. */
export function deliveryResult(client: Client, model: string): Promise<DeliveryResult> {
  return client.workflow.getHandle(workflowId.deliver(model)).result() as Promise<DeliveryResult>;
}

/** Votes by update: answers when the vote was admitted or refused. `messageId` makes a repeated call one vote. */
export function decide(
  client: Client,
  model: string,
  decision: Decision,
  messageId?: string,
): Promise<DeliveryAnswer> {
  return update(client, workflowId.deliver(model), 'decide', decision, messageId);
}

/** Votes by signal: nobody answers; the delivery's state tells what became of it. */
export function signalDecision(client: Client, model: string, decision: Decision): Promise<void> {
  return client.workflow.getHandle(workflowId.deliver(model)).signal('decide', decision);
}

/** Has a training that waits for money look at its budgets at once. Throws MONEY_NOT_AWAITED where it waits for none. */
export function tellBudgetExtended(
  client: Client,
  model: string,
  delivery: number,
  command: ReleaseCommand,
): Promise<BudgetExtendedAnswer> {
  return update(client, workflowId.train(model, delivery), 'budgetExtended', command);
}

/** Promotes, pauses, resumes, aborts or extends the running release. Throws RELEASE_STATE where that is not possible now. */
export function commandRelease(
  client: Client,
  model: string,
  act: Exclude<ReleaseAct, 'decide'>,
  command: ReleaseCommand,
): Promise<ReleaseAnswer> {
  return update(client, workflowId.release(model), act, command);
}

/** Answers an inconclusive canary step. */
export function decideRelease(
  client: Client,
  model: string,
  decision: Decision,
): Promise<ReleaseAnswer> {
  return update(client, workflowId.release(model), 'decide', decision);
}

/** Tells the monitor to look now. */
export function signalBreach(client: Client, model: string, breach: Breach): Promise<void> {
  return client.workflow.getHandle(workflowId.monitor(model)).signal('breach', breach);
}

/** Pauses, resumes or retires the monitor. */
export function commandMonitor(
  client: Client,
  model: string,
  act: 'pause' | 'resume' | 'retire',
  command: MonitorCommand,
): Promise<MonitorAnswer> {
  return update(client, workflowId.monitor(model), act, command);
}

/** Checks at another interval than the spec says. */
export function configureMonitor(
  client: Client,
  model: string,
  configuration: MonitorConfiguration,
): Promise<MonitorAnswer> {
  return update(client, workflowId.monitor(model), 'configure', configuration);
}

export function deliveryState(client: Client, model: string): Promise<DeliveryState> {
  return client.workflow.getHandle(workflowId.deliver(model)).query<DeliveryState>(queries.state);
}

export function releaseState(client: Client, model: string): Promise<ReleaseState> {
  return client.workflow.getHandle(workflowId.release(model)).query<ReleaseState>(queries.state);
}

export function monitorState(client: Client, model: string): Promise<MonitorState> {
  return client.workflow.getHandle(workflowId.monitor(model)).query<MonitorState>(queries.state);
}

async function update<Answer>(
  client: Client,
  id: string,
  name: string,
  message: unknown,
  updateId?: string,
): Promise<Answer> {
  try {
    return await client.workflow.getHandle(id).executeUpdate<Answer, [unknown]>(name, {
      args: [message],
      ...(updateId === undefined ? {} : { updateId }),
    });
  } catch (error) {
    throw refusalOf(error) ?? error;
  }
}

/** The catalogue's error in which a workflow refused, or null for any other. */
function refusalOf(error: unknown): PerennialError | null {
  if (!(error instanceof WorkflowUpdateFailedError)) return null;
  const { cause } = error;
  if (!(cause instanceof ApplicationFailure) || !isErrorCode(cause.type)) return null;
  return new PerennialError(cause.type, cause.message, {}, { cause: error });
}
