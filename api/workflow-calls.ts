import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  type Client,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import {
  ApplicationFailure,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/common';
import { isErrorCode, PerennialError, type ErrorCode } from '../contracts/errors.js';
import { taskQueues, type workflowTypes } from '../contracts/messages.js';

/** The client of Temporal and how long, in ms, a caller of the API may wait for a worker. */
export interface Engine {
  client: Client;
  patience: number;
}

/** A call to the Temporal server that ends within the caller's patience: without it the client tries again for half a minute. */
export function patiently<T>(
  { client, patience }: Engine,
  call: (client: Client) => Promise<T>,
): Promise<T> {
  return client.withDeadline(Date.now() + patience, () => call(client));
}

/** Starts a workflow under its business id. Returns null when one with this id is running. */
export async function startWorkflow(
  engine: Engine,
  type: keyof typeof workflowTypes,
  { id, input, summary }: { id: string; input: unknown; summary: string },
): Promise<WorkflowHandleWithFirstExecutionRunId | null> {
  try {
    return await patiently(engine, (client) =>
      client.workflow.start(type, {
        workflowId: id,
        taskQueue: taskQueues.pipeline,
        args: [input],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        staticSummary: summary,
      }),
    );
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

export async function isRunning(engine: Engine, workflowId: string): Promise<boolean> {
  try {
    const description = await patiently(engine, (client) =>
      client.workflow.getHandle(workflowId).describe(),
    );
    return description.status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Sends an update and waits for its answer. `absent` is the error for a workflow that is not running. */
export async function callUpdate(
  engine: Engine,
  workflowId: string,
  { name, argument, updateId }: { name: string; argument: unknown; updateId: string | undefined },
  absent: { code: ErrorCode; message: string },
): Promise<unknown> {
  try {
    return await patiently(engine, (client) =>
      client.workflow.getHandle(workflowId).executeUpdate<unknown, [unknown]>(name, {
        args: [argument],
        ...(updateId === undefined ? {} : { updateId }),
      }),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError)
      throw new PerennialError(absent.code, absent.message);
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError)
      throw nobodyAnswers(name, engine.patience);
    if (error instanceof WorkflowUpdateFailedError) throw refusalOf(error);
    throw error;
  }
}

/** Sends a signal; false when there is no such workflow running. */
export async function sendSignal(
  engine: Engine,
  workflowId: string,
  name: string,
  argument: unknown,
): Promise<boolean> {
  try {
    await patiently(engine, (client) =>
      client.workflow.getHandle(workflowId).signal(name, argument),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** The workflow's result, or undefined when it does not end in time. */
export async function resultWithin(
  { client }: Engine,
  handle: WorkflowHandle,
  patience: number,
): Promise<unknown> {
  const late = Symbol('late');
  const deadline = new Promise<typeof late>((resolve) => {
    setTimeout(() => resolve(late), patience).unref();
  });
  const answer: unknown = await Promise.race<unknown>([
    client
      // A little longer than our own patience, so that it is never the one that ends the wait.
      .withDeadline(Date.now() + patience + 5_000, () => handle.result())
      .catch(settleFailure),
    deadline,
  ]);
  return answer === late ? undefined : answer;
}

/** How a workflow failed is remembered in its rows; who waits for its end only needs to know that it ended. */
function settleFailure(error: unknown): unknown {
  if (error instanceof Error && error.name === 'WorkflowFailedError') return null;
  throw error;
}

function refusalOf(error: WorkflowUpdateFailedError): PerennialError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type))
    return new PerennialError(cause.type, cause.message);
  return new PerennialError('INTERNAL', 'The workflow could not answer.', {}, { cause });
}

function nobodyAnswers(name: string, patience: number): PerennialError {
  return new PerennialError(
    'TEMPORAL_UNAVAILABLE',
    `Nobody answered '${name}' within ${patience / 1_000} s: no worker is running, or it is busy. The message may still be acted upon; sent again with the same Idempotency-Key it counts once.`,
  );
}
