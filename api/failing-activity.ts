import type { Client } from '@temporalio/client';
import type { DeliveryView } from '../contracts/delivery.js';
import type { DeliveryDetail } from '../contracts/overview.js';
import type { Engine } from './workflow-calls.js';

/** Milliseconds that a page waits for it. */
const patience = 2_000;
/** A delivery's training is its child, a trial that of its search. */
const mostDepth = 2;
const mostWorkflows = 20;
/** `PendingActivityState` of an activity that is not at work: it failed and waits for its next try. */
const scheduled = 1;

/**
 * What a running delivery has failed at and tries again, with the words of the last failure: an engine that is away, say. Undefined while
 * nothing fails, and where Temporal does not answer at once.
 */
export async function findFailing(
  { client }: Engine,
  { workflowId, outcome }: DeliveryView,
): Promise<DeliveryDetail['failing']> {
  if (outcome !== null) return undefined;
  return client
    .withDeadline(Date.now() + patience, () => search(client, workflowId))
    .catch(() => undefined);
}

/** The first one found, the delivery's own before its children's. */
async function search(client: Client, root: string): Promise<DeliveryDetail['failing']> {
  let level = [root];
  for (let depth = 0; depth <= mostDepth && level.length > 0; depth += 1) {
    const looked = await Promise.all(level.map((id) => look(client, id)));
    for (const { failing } of looked) if (failing) return failing;
    level = looked.flatMap(({ children }) => children).slice(0, mostWorkflows);
  }
  return undefined;
}

async function look(
  client: Client,
  workflowId: string,
): Promise<{ failing: DeliveryDetail['failing']; children: string[] }> {
  const { raw } = await client.workflow.getHandle(workflowId).describe();
  const [waiting] = (raw.pendingActivities ?? []).filter(
    ({ state, lastFailure }) => state === scheduled && lastFailure,
  );
  return {
    failing: waiting && {
      activity: waiting.activityType?.name ?? '',
      // The one that waits has not been tried yet.
      tries: Math.max(1, (waiting.attempt ?? 2) - 1),
      message: waiting.lastFailure?.message ?? '',
    },
    children: (raw.pendingChildren ?? []).flatMap(({ workflowId: id }) => id ?? []),
  };
}
