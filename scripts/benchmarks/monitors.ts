import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { MonitorState } from '../../contracts/states.js';
import { startNodePart } from '../../runtime/node-part.js';
import type { Benchmark } from './benchmark.js';
import { processorTime, residentMegabytes } from './processor-time.js';
import { limitedResult } from './result.js';
import { whileStarted } from './started.js';
import { withTemporal } from './temporal-home.js';
import { withTemporaryFolder } from './temporary-folder.js';

const few = 1_000;
const many = 10_000;
/** Starts under way at once: more would only pile up first workflow tasks. */
const starters = 40;
const briskChecks = 25;
const idleSeconds = 10;
const workersMain = fileURLToPath(new URL('monitor-workers.ts', import.meta.url));

/**
 * A thousand models that are watched and quiet: each has made its first check and sleeps for an hour. What a check adds to a history is
 * counted on one that looks more often; everything else of a quiet model is its timer.
 */
export const monitors: Benchmark = {
  name: 'monitors',
  what: '1,000 sleeping monitors (10,000 with --full): creation, memory, events an hour',
  run: ({ full }) =>
    withTemporaryFolder((folder) =>
      withTemporal(folder, async ({ address, serverPid, client }) => {
        const workers = await startNodePart({
          name: 'workers',
          file: workersMain,
          args: [address, folder],
          environment: process.env,
          folder,
          logFile: join(folder, 'workers.log'),
        });
        const pids = [serverPid, workers.pid];
        return whileStarted(workers.stop, async () => {
          const [serverBefore = 0, workerBefore = 0] = await Promise.all(
            pids.map(residentMegabytes),
          );
          const count = full ? many : few;
          const processorBefore = await processorTime(pids);
          const began = performance.now();
          await startMonitors(client, count);
          const startedAfter = (performance.now() - began) / 1_000;
          await untilParked(client, count);
          const parkedAfter = (performance.now() - began) / 1_000;
          const processor = (await processorTime(pids)) - processorBefore;

          const restBefore = await processorTime(pids);
          await sleep(1_000 * idleSeconds);
          const rest = ((await processorTime(pids)) - restBefore) / idleSeconds;
          const [server = 0, worker = 0] = await Promise.all(pids.map(residentMegabytes));
          const eventsACheck = await countEvents(client);
          return limitedResult(
            {
              name: 'monitors',
              peer: null,
              unit: 'history events an hour and monitor that looks once an hour',
              goal: 11,
            },
            eventsACheck,
            {
              monitors: count,
              startedPerSecond: count / startedAfter,
              parkedPerSecond: count / parkedAfter,
              cpuMillisecondsAMonitor: (1_000 * processor) / count,
              asleepCores: rest,
              serverMegabytes: server,
              serverKilobytesAMonitor: (1_024 * (server - serverBefore)) / count,
              workerMegabytes: worker,
              workerKilobytesAMonitor: (1_024 * (worker - workerBefore)) / count,
              eventsAnHour: eventsACheck * count,
            },
          );
        });
      }),
    ),
};

async function startMonitors(client: Client, count: number): Promise<void> {
  let started = 0;
  const starter = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      await startMonitor(client, `quiet-${started}`);
    }
  };
  await Promise.all(Array.from({ length: starters }, starter));
}

function startMonitor(client: Client, model: string) {
  return client.workflow.start(workflowTypes.monitorModel, {
    workflowId: workflowId.monitor(model),
    taskQueue: taskQueues.pipeline,
    args: [{ model }],
  });
}

/** The first check puts the team into the search attributes, and its workflow task starts the timer. */
async function untilParked(client: Client, count: number): Promise<void> {
  const query = `MlTeam = 'bench' AND ExecutionStatus = 'Running'`;
  const giveUpAt = Date.now() + 30 * 60_000;
  for (;;) {
    const parked = (await client.workflow.count(query)).count;
    if (parked === count) return;
    if (Date.now() > giveUpAt) throw new Error(`Only ${parked} of ${count} monitors are asleep`);
    await sleep(500);
  }
}

/** Events that one more check adds to a monitor's history, continue-as-new left out. */
async function countEvents(client: Client): Promise<number> {
  const handle = await startMonitor(client, 'brisk');
  const seen: { checks: number; events: number }[] = [];
  while (seen.length < 2) {
    await sleep(100);
    const { checks, status } = await handle.query<MonitorState>('state');
    if (status !== 'waiting' || checks < 5 || checks < (seen[0]?.checks ?? 0) + briskChecks)
      continue;
    const events = (await handle.fetchHistory()).events ?? [];
    const timers = [...events.keys()].filter((at) => events[at]?.timerStartedEventAttributes);
    // Up to the last timer, since the next check may have begun by now; a timer is started after each check.
    seen.push({ checks: timers.length, events: timers.at(-1) ?? 0 });
  }
  await handle.terminate('measured');
  const [first, last] = seen;
  if (!first || !last) throw new RangeError('Two looks are compared');
  return (last.events - first.events) / (last.checks - first.checks);
}
