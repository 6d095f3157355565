import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signalDecision, startDelivery } from '../../client/temporal.js';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryState, MonitorState } from '../../contracts/states.js';
import { evidence, healthy } from '../../scripts/healthy-model.js';
import { promoteBuild } from '../../workers/promote-build.js';
import { freshNamespace, type FreshNamespace } from '../support/temporal.js';
import type { Script } from '../workflows/scripted-activities.js';
import { eventually, newModel, untilOpen } from '../workflows/world.js';
import {
  guard,
  installQuietRuntime,
  nextBuild,
  presentBuild,
  startBuild,
  type Call,
} from './builds.js';

const often: Script = {
  assessDrift: async (input) => ({ ...(await healthy.assessDrift(input)), every: 100 }),
};

let bundles: { a: { codePath: string }; b: { code: string } };
let fresh: FreshNamespace;
beforeAll(async () => {
  installQuietRuntime();
  const [a, b] = await Promise.all([presentBuild(), nextBuild()]);
  bundles = { a, b };
}, 120_000);
afterAll(() => fresh.close());

test('without versioning, build B approves and ends what waited on build A, and monitors carry on across builds and runs', async () => {
  fresh = await freshNamespace();
  const calls: Call[] = [];
  const a = await startBuild(fresh, { build: 'a', bundle: bundles.a, calls, script: often });
  const model = newModel();
  const delivery = await deliver(model);
  const monitor = await watch(model, { continueAfter: 60 });
  await untilOpen(delivery);
  await checksOf(monitor, 3);
  await a.stop();

  const { runId } = await monitor.describe();
  // Nobody works now: the signal waits for build B.
  await signalDecision(fresh.client, model, { vote: 'approve', by: 'bob', evidence });
  const b = await startBuild(fresh, { build: 'b', bundle: bundles.b, calls, script: often });
  expect(await delivery.result()).toMatchObject({ outcome: 'promoted' });
  const { story } = await delivery.query<DeliveryState>('state');
  expect(story).toContain('Build B goes on from here.');
  await eventually(
    'a run of the monitor on build B',
    async () => (await monitor.describe()).runId !== runId,
  );
  await retire(monitor);

  const newModelOfB = newModel();
  await untilOpen(await deliver(newModelOfB));
  await b.stop();
  // The guarded step was left out of the delivery that began without it, and is part of the one that began with it.
  expect(namesOf(calls, model)).not.toContain('remindApprovers');
  expect(namesOf(calls, newModelOfB)).toContain('remindApprovers');
  expect(namesOf(calls, model).filter((name) => name === 'ingestData')).toHaveLength(1);
  const checks = calls.filter(({ name }) => name === 'assessDrift');
  expect(new Set(checks.map(({ build }) => build))).toEqual(new Set(['a', 'b']));
  const numbers = [...new Set(checks.map(({ input }) => input.check ?? 0))];
  expect(numbers).toEqual(numbers.map((_, index) => index + 1));

  // The same history is what tells a change with a guard from one without.
  const history = await delivery.fetchHistory();
  const replay = (code: string) =>
    Worker.runReplayHistory({ workflowBundle: { code } }, history, delivery.workflowId);
  await expect(replay(bundles.b.code)).resolves.toBeUndefined();
  const call = new RegExp(String.raw`\(0,\s*[\w$.]+\.patched\)\((['"])${guard}\1\)`);
  expect(bundles.b.code).toMatch(call);
  await expect(replay(bundles.b.code.replace(call, 'true'))).rejects.toBeInstanceOf(
    DeterminismViolationError,
  );
  await fresh.close();
});

test('pinned, what runs ends on its build, new deliveries run on the promoted one, and monitors move to it', async () => {
  fresh = await freshNamespace();
  const { client, address, namespace } = fresh;
  const calls: Call[] = [];
  const shared = { calls, pinned: true, script: often };
  const a = await startBuild(fresh, { build: 'a', bundle: bundles.a, ...shared });
  await promoteBuild(client, 'a');
  const [old, young] = [newModel(), newModel()];
  const delivery = await deliver(old);
  await untilOpen(delivery);
  const monitor = await watch(old, {});
  await checksOf(monitor, 2);
  expect(await buildOf(monitor)).toBe('a');

  const b = await startBuild(fresh, { build: 'b', bundle: bundles.b, ...shared });
  const script = fileURLToPath(new URL('../../scripts/promote-build', import.meta.url));
  const { stdout } = await promisify(execFile)(script, ['b'], {
    env: { ...process.env, TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace },
  });
  expect(stdout).toBe('New work runs on build b from now on.\n');
  await eventually('the monitor on build B', async () => (await buildOf(monitor)) === 'b');
  const next = await deliver(young);
  await untilOpen(next);
  for (const model of [old, young])
    await signalDecision(client, model, { vote: 'approve', by: 'bob', evidence });
  expect(await delivery.result()).toMatchObject({ outcome: 'promoted' });
  expect(await next.result()).toMatchObject({ outcome: 'promoted' });
  await retire(monitor);
  await Promise.all([a.stop(), b.stop()]);

  const on = (model: string, name: string) =>
    calls.filter((each) => each.input.model === model && each.name === name);
  expect(on(old, 'promoteVersion')).toMatchObject([{ build: 'a' }]);
  expect(on(old, 'remindApprovers')).toEqual([]);
  expect(on(young, 'openDelivery')).toMatchObject([{ build: 'b' }]);
  expect(on(young, 'promoteVersion')).toMatchObject([{ build: 'b' }]);
});

test('a build that nobody runs is not promoted', async () => {
  await expect(promoteBuild(fresh.client, 'typo')).rejects.toMatchObject({
    code: 'BUILD_NOT_FOUND',
  });
});

async function deliver(model: string): Promise<WorkflowHandle> {
  await startDelivery(fresh.client, { model, requestedBy: 'alice' });
  return fresh.client.workflow.getHandle(workflowId.deliver(model));
}

function watch(model: string, input: { continueAfter?: number }): Promise<WorkflowHandle> {
  return fresh.client.workflow.start(workflowTypes.monitorModel, {
    workflowId: workflowId.monitor(model),
    taskQueue: taskQueues.pipeline,
    args: [{ model, ...input }],
  });
}

function checksOf(monitor: WorkflowHandle, checks: number): Promise<unknown> {
  return eventually(
    `check ${checks}`,
    async () => (await monitor.query<MonitorState>('state')).checks >= checks,
  );
}

async function retire(monitor: WorkflowHandle): Promise<void> {
  await monitor.executeUpdate('retire', { args: [{ by: 'ann' }] });
  await monitor.result();
}

async function buildOf(monitor: WorkflowHandle): Promise<string | undefined> {
  const { raw } = await monitor.describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId ?? undefined;
}

function namesOf(calls: Call[], model: string): string[] {
  return calls.filter(({ input }) => input.model === model).map(({ name }) => name);
}
