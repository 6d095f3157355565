import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { PerennialError } from '../contracts/errors.js';
import { taskQueues } from '../contracts/messages.js';
import { deploymentOf } from './worker.js';

/** gRPC's NOT_FOUND: the server has not seen a worker of this build yet, as in the first moments after it started. */
const notFound = 5;
const patience = 2_000;

/**
 * Makes `buildId` the current build of every queue: what starts from now on runs there, what runs already stays on the build it was
 * started on. Harmless to run again. Throws BUILD_NOT_FOUND where a queue has no worker of that build.
 */
export async function promoteBuild(client: Client, buildId: string): Promise<void> {
  // The pipeline last: a delivery of the new build finds the other queues ready for it.
  for (const queue of ['compute', 'training', 'judge', 'pipeline'] as const)
    await makeCurrent(client, queue, buildId);
}

async function makeCurrent(
  client: Client,
  queue: keyof typeof taskQueues,
  buildId: string,
): Promise<void> {
  const request = {
    namespace: client.options.namespace,
    deploymentName: deploymentOf(queue),
    buildId,
    identity: 'perennial:promote-build',
  };
  for (const until = Date.now() + patience; ;) {
    try {
      await client.workflowService.setWorkerDeploymentCurrentVersion(request);
      return;
    } catch (error) {
      if ((error as { code?: unknown }).code !== notFound) throw error;
      if (Date.now() > until)
        throw new PerennialError(
          'BUILD_NOT_FOUND',
          `No worker of build ${buildId} has been seen at the queue ${taskQueues[queue]}.`,
        );
      await sleep(100);
    }
  }
}
