import type { Client } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryResult } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';
import { evidence } from '../healthy-model.js';
import type { Benchmark } from './benchmark.js';
import { createInstantActivities } from './instant-activities.js';
import { limitedResult } from './result.js';
import { createOurWorkers, whileWorking, withTemporal } from './temporal-home.js';
import { withTemporaryFolder } from './temporary-folder.js';

const model = 'history';

/** Counts events of a delivery that a person approves and three canary steps judge; nothing retries, nobody interrupts. */
export const history: Benchmark = {
  name: 'history',
  what: 'events of the longest workflow run of one delivery on its uninterrupted path',
  run: () =>
    withTemporaryFolder((folder) =>
      withTemporal(folder, async ({ client, connection }) => {
        const activities = createInstantActivities({
          canary: [0.05, 0.1, 0.25],
          approval: true,
          every: () => 3_600_000,
        });
        const workers = await createOurWorkers(connection, { activities, folder });
        return whileWorking(workers, async () => {
          await deliver(client);
          const deliverEvents = await eventsOf(client, workflowId.deliver(model));
          const trainEvents = await eventsOf(client, workflowId.train(model, 1));
          const releaseEvents = await eventsOf(client, workflowId.release(model));
          return limitedResult(
            {
              name: 'history',
              peer: null,
              unit: 'events in the longest workflow run of a delivery',
              goal: 100,
            },
            Math.max(deliverEvents, trainEvents, releaseEvents),
            { deliverEvents, trainEvents, releaseEvents },
          );
        });
      }),
    ),
};

async function deliver(client: Client): Promise<void> {
  const handle = await client.workflow.start(workflowTypes.deliverModel, {
    workflowId: workflowId.deliver(model),
    taskQueue: taskQueues.pipeline,
    args: [{ model, requestedBy: 'bench' }],
  });
  for (;;) {
    const { approval } = await handle.query<DeliveryState>('state');
    if (approval?.standing === 'open') break;
    await sleep(50);
  }
  await handle.executeUpdate('decide', { args: [{ vote: 'approve', by: 'bob', evidence }] });
  const { outcome } = (await handle.result()) as DeliveryResult;
  if (outcome !== 'promoted') throw new Error(`The delivery ended ${outcome}`);
}

async function eventsOf(client: Client, id: string): Promise<number> {
  return (await client.workflow.getHandle(id).fetchHistory()).events?.length ?? 0;
}
