import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { namespace, taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryResult } from '../../contracts/stages.js';
import { bundleWorkflows } from '../../workers/bundle.js';
import type { bareDelivery } from './bare-workflow.js';
import type { Benchmark } from './benchmark.js';
import { versionOf } from './environment.js';
import { createInstantActivities } from './instant-activities.js';
import { runPairs } from './pairs.js';
import { measureProcesses } from './processor-time.js';
import { comparedResult, type BenchResult } from './result.js';
import { createOurWorkers, whileWorking, withTemporal } from './temporal-home.js';
import { withTemporaryFolder } from './temporary-folder.js';

const pairs = 5;
const deliveries = 8;
const bareQueue = 'bare';

export const stageOverhead: Benchmark = {
  name: 'stage-overhead',
  what: 'an empty seven-stage delivery against the same activities on the bare Temporal SDK',
  run: () =>
    withTemporaryFolder((folder) =>
      withTemporal(folder, async ({ client, connection, serverPid }) => {
        const activities = createInstantActivities({
          canary: [],
          approval: false,
          every: () => 3_600_000,
        });
        const counted = countCalls(activities);
        const code = await bundleWorkflows(
          fileURLToPath(new URL('bare-workflow.ts', import.meta.url)),
        );
        const workers = [
          ...(await createOurWorkers(connection, { activities: counted.activities, folder })),
          await Worker.create({
            connection,
            namespace,
            taskQueue: bareQueue,
            activities: counted.activities,
            workflowBundle: { code },
          }),
        ];
        let number = 0;
        const deliver = async (): Promise<void> => {
          const model = `ours-${(number += 1)}`;
          const handle = await client.workflow.start(workflowTypes.deliverModel, {
            workflowId: workflowId.deliver(model),
            taskQueue: taskQueues.pipeline,
            args: [{ model, requestedBy: 'bench' }],
          });
          const { outcome, version } = (await handle.result()) as DeliveryResult;
          if (outcome !== 'promoted' || version !== 2)
            throw new Error(`Our delivery ended ${outcome} with version ${version}`);
        };
        const deliverBare = async (): Promise<void> => {
          const model = `bare-${(number += 1)}`;
          const { version } = await client.workflow.execute<typeof bareDelivery>('bareDelivery', {
            workflowId: `bare/${model}`,
            taskQueue: bareQueue,
            args: [{ model }],
          });
          if (version !== 2) throw new Error(`The bare delivery made version ${version}`);
        };
        /** The workers live in this process, the server in its own. */
        const measure = (one: () => Promise<void>) => () =>
          measureProcesses([process.pid, serverPid], async () => {
            for (let each = 0; each < deliveries; each += 1) await one();
            return deliveries;
          });
        return whileWorking(workers, async (): Promise<BenchResult> => {
          const [calls, bareCalls] = [await counted.of(deliver), await counted.of(deliverBare)];
          if (calls.join() !== bareCalls.join())
            throw new Error(`We called ${calls.join()}; the bare one ${bareCalls.join()}`);
          const ourTasks = await tasksOf(client, [
            workflowId.deliver('ours-1'),
            workflowId.train('ours-1', 1),
            workflowId.release('ours-1'),
          ]);
          const theirTasks = await tasksOf(client, ['bare/bare-2']);
          for (const one of [deliver, deliverBare]) await measure(one)();
          const found = await runPairs(pairs, {
            ours: measure(deliver),
            theirs: measure(deliverBare),
          });
          return comparedResult(
            {
              name: 'stage-overhead',
              peer: `bare Temporal SDK ${versionOf('@temporalio/worker')}`,
              unit: 'ms of CPU a delivery',
              goal: 1.15,
            },
            found,
            { activities: calls.length, ourTasks, theirTasks },
          );
        });
      }),
    ),
};

/** Workflow tasks that these workflows took: turns of the server with a worker, which is what orchestration costs. */
async function tasksOf(client: Client, ids: readonly string[]): Promise<number> {
  const histories = await Promise.all(
    ids.map((id) => client.workflow.getHandle(id).fetchHistory()),
  );
  return histories
    .flatMap(({ events }) => events ?? [])
    .filter(({ workflowTaskCompletedEventAttributes: completed }) => completed).length;
}

type Call = (input: never) => Promise<unknown>;

/** The same activities, with a list of those that were called while a piece of work was done. */
function countCalls<T extends object>(activities: T) {
  let calls: string[] = [];
  const counting = Object.fromEntries(
    Object.entries(activities as Record<string, Call>).map(([name, call]): [string, Call] => [
      name,
      (input) => {
        calls.push(name);
        return call(input);
      },
    ]),
  );
  return {
    activities: counting as T,
    async of(work: () => Promise<void>): Promise<string[]> {
      calls = [];
      await work();
      return calls;
    },
  };
}
