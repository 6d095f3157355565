import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, type LogEntry } from '@temporalio/worker';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryState } from '../../contracts/states.js';
import { silentLog } from '../../runtime/log.js';
import { healthy, type AllActivities } from '../../scripts/healthy-model.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createFailureInterceptor } from '../../workers/failure-interceptor.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';
import type { ActivityName, Script } from './scripted-activities.js';

export interface World extends FreshNamespace {
  /** What the activities of one model do; the rest of them stay healthy. */
  script: (model: string, script: Script) => void;
  /** Names of the activities of a model, in the order in which they were begun. */
  calls: (model: string) => ActivityName[];
  inputs: <Name extends ActivityName>(
    model: string,
    name: Name,
  ) => Parameters<AllActivities[Name]>[0][];
  deliver: (model: string, client?: Client) => Promise<WorkflowHandle>;
  end: () => Promise<void>;
}

/** These tests fail activities and workflows on purpose; a workflow task that fails is never on purpose. */
const expected = /^(Activity failed|Workflow failed|A compensation failed|No workflows registered)/;
const sayUnexpected = ({ level, message, meta }: LogEntry) => {
  if (!expected.test(message)) console.warn(level, message, meta);
};

let models = 0;

/** A model nobody else uses. */
export function newModel(): string {
  models += 1;
  return `model-${models}`;
}

/** The real server and our real workflows, with activities that follow a script. One for each test file. */
export async function startWorld(namespace?: 'perennial'): Promise<World> {
  Runtime.install({ logger: new DefaultLogger('WARN', sayUnexpected) });
  const [fresh, bundle] = await Promise.all([
    freshNamespace(namespace),
    prepareBundle(join(tmpdir(), 'perennial-test-bundles')),
  ]);
  const scripts = new Map<string, Script>();
  const log: { model: string; name: ActivityName; input: unknown }[] = [];
  const activities = Object.fromEntries(
    Object.keys(healthy).map((key) => {
      const name = key as ActivityName;
      return [
        name,
        (input: { model?: string } = {}) => {
          const model = input.model ?? '';
          log.push({ model, name, input });
          const play = (scripts.get(model)?.[name] ?? healthy[name]) as (given: unknown) => unknown;
          return play(input);
        },
      ];
    }),
  );
  const workers = await Promise.all(
    Object.entries(taskQueues).map(([kind, taskQueue]) =>
      Worker.create({
        connection: fresh.nativeConnection,
        namespace: fresh.namespace,
        taskQueue,
        activities,
        interceptors: { activity: [createFailureInterceptor(silentLog)] },
        maxHeartbeatThrottleInterval: '200ms',
        ...(kind === 'pipeline' ? { workflowBundle: bundle, maxCachedWorkflows: 100 } : {}),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));

  return {
    ...fresh,
    script: (model, script) => void scripts.set(model, script),
    calls: (model) => log.filter((each) => each.model === model).map(({ name }) => name),
    inputs: (model, name) =>
      log
        .filter((each) => each.model === model && each.name === name)
        .map(({ input }) => input as never),
    deliver: (model, client = fresh.client) =>
      client.workflow.start(workflowTypes.deliverModel, {
        workflowId: workflowId.deliver(model),
        taskQueue: taskQueues.pipeline,
        args: [{ model, requestedBy: 'alice' }],
      }),
    async end() {
      for (const worker of workers) worker.shutdown();
      await running;
      await fresh.close();
    },
  };
}

/** Waits until `look` gives something true; fails naming what it waited for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  { within = 30_000 }: { within?: number } = {},
): Promise<T> {
  const until = Date.now() + within;
  let last: unknown;
  while (Date.now() < until) {
    try {
      const seen = await look();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Waited in vain for ${what}; last seen: ${String(last)}`);
}

/** Waits until the delivery waits for a vote. */
export function untilOpen(handle: WorkflowHandle): Promise<DeliveryState> {
  return eventually('an open approval', async () => {
    const state = await handle.query<DeliveryState>('state');
    return state.approval?.standing === 'open' && state;
  });
}

/** The error of something that has to fail, with what caused it. */
export async function failureOf(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('It was to fail and did not');
}
