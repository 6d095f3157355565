import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { DefaultLogger, Runtime, type WorkflowBundleOption } from '@temporalio/worker';
import { taskQueues } from '../../contracts/messages.js';
import { silentLog } from '../../runtime/log.js';
import { healthy } from '../../scripts/healthy-model.js';
import { prepareBundle } from '../../workers/bundle.js';
import { createWorker } from '../../workers/worker.js';
import { bundleEditedWorkflows } from '../support/edited-workflows.js';
import type { FreshNamespace } from '../support/temporal.js';
import type { ActivityName, Script } from '../workflows/scripted-activities.js';

export interface Call {
  build: string;
  name: ActivityName;
  input: { model?: string; check?: number };
}

export interface Build {
  stop: () => Promise<void>;
}

export function installQuietRuntime(): void {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });
}

/** Build A: the workflows of this checkout. */
export function presentBuild(): Promise<{ codePath: string }> {
  return prepareBundle(join(tmpdir(), 'perennial-test-bundles'));
}

export const guard = 'remind-before-ingest';

/**
 * Build B: another step before ingest, which no history of build A has, behind `patched`; and a sentence of its own after the approval.
 */
export async function nextBuild(): Promise<{ code: string }> {
  const code = await bundleEditedWorkflows([
    {
      file: 'delivery/deliver-model.ts',
      from: "    enter('ingest', ",
      to: `    if (patched('${guard}'))
      await pipeline.remindApprovers.executeWithOptions({ summary: 'Say that it begins' }, [
        { ...key(), kind: 'reminder', to: [] },
      ]);
    enter('ingest', `,
    },
    {
      file: 'delivery/deliver-model.ts',
      from: "    board.change({ stage: 'release' });",
      to: "    board.change({ stage: 'release' }, 'Build B goes on from here.');",
    },
  ]);
  return { code };
}

/** All the workers of one build, with activities that note which build ran them. */
export async function startBuild(
  { nativeConnection: connection, namespace }: FreshNamespace,
  {
    build,
    bundle,
    calls,
    pinned = false,
    script = {},
  }: {
    build: string;
    bundle: WorkflowBundleOption;
    calls: Call[];
    pinned?: boolean;
    script?: Script;
  },
): Promise<Build> {
  const activities = Object.fromEntries(
    Object.entries({ ...healthy, ...script }).map(([name, play]) => [
      name,
      (input: Call['input'] = {}) => {
        calls.push({ build, name: name as ActivityName, input });
        return (play as (given: unknown) => unknown)(input);
      },
    ]),
  );
  const versioning = { mode: pinned ? 'pinned' : 'off', buildId: build } as const;
  const workers = await Promise.all(
    (Object.keys(taskQueues) as (keyof typeof taskQueues)[]).map((queue) =>
      createWorker({ connection, namespace, log: silentLog, versioning }, queue, {
        activities,
        ...(queue === 'pipeline' && { workflowBundle: bundle, maxCachedWorkflows: 50 }),
      }),
    ),
  );
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
    },
  };
}
