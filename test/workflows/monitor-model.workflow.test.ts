import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { AssessDriftResult, MonitorInput, MonitorResult } from '../../contracts/monitor.js';
import type { MonitorState } from '../../contracts/states.js';
import { healthy } from '../../scripts/healthy-model.js';
import type { Script } from './scripted-activities.js';
import { eventually, failureOf, newModel, startWorld, type World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.end());

const hour = 3_600_000;
const ann = { by: 'ann' };

async function monitor(script: Script, input: Partial<MonitorInput> = {}) {
  const model = newModel();
  world.script(model, script);
  const handle = await world.client.workflow.start(workflowTypes.monitorModel, {
    workflowId: workflowId.monitor(model),
    taskQueue: taskQueues.pipeline,
    args: [{ model, ...input }],
  });
  return { model, handle };
}

const stateOf = (handle: WorkflowHandle) => handle.query<MonitorState>('state');
const checked = (handle: WorkflowHandle, checks: number) =>
  eventually(`check ${checks}`, async () => {
    const state = await stateOf(handle);
    return state.checks >= checks && state.status === 'waiting' && state;
  });
const assessed = (every: number, retraining: AssessDriftResult['retraining'] = null) => {
  const assess: Script['assessDrift'] = async (input) => ({
    ...(await healthy.assessDrift(input)),
    every,
    retraining,
  });
  return assess;
};
const retraining = {
  trigger: 'performance',
  reason: 'Log-loss is 0.05 above what was expected.',
} as const;
const retire = async (handle: WorkflowHandle) => {
  await handle.executeUpdate('retire', { args: [ann] });
  return (await handle.result()) as MonitorResult;
};

test('a quiet check costs at most eleven events', async () => {
  const { handle } = await monitor({ assessDrift: assessed(100) });
  await checked(handle, 5);
  await retire(handle);
  const events = (await handle.fetchHistory()).events ?? [];
  const retiring = events.findIndex(
    (event) => event.workflowExecutionUpdateAcceptedEventAttributes,
  );
  const ends = events
    .slice(0, retiring)
    .flatMap((event, index) => (event.activityTaskCompletedEventAttributes ? [index] : []));
  // The first check has a severity to write down, which is not quiet.
  const costs = ends.slice(2).map((end, index) => end - (ends[index + 1] ?? 0));
  console.info(`events of quiet checks: ${costs.join(' ')}`);
  expect(costs.length).toBeGreaterThanOrEqual(3);
  expect(Math.max(...costs)).toBeLessThanOrEqual(11);
});

test('a storm of breach signals makes one more check, not one each', async () => {
  const { model, handle } = await monitor({ assessDrift: assessed(hour) });
  await checked(handle, 1);
  await Promise.all(
    Array.from({ length: 40 }, () => handle.signal('breach', { reason: 'errors' })),
  );
  await checked(handle, 2);
  await retire(handle);
  const breaches = world.inputs(model, 'assessDrift').filter(({ cause }) => cause === 'breach');
  // Those that come while the first check runs are newer than what it sees, and together are worth one more.
  expect(breaches.length).toBeGreaterThanOrEqual(1);
  expect(breaches.length).toBeLessThanOrEqual(4);
});

test('a breach wakes the monitor at once, and what it finds starts one delivery that outlives it', async () => {
  let found = 0;
  const { model, handle } = await monitor({
    assessDrift: async (input) => {
      found += 1;
      return {
        ...(await healthy.assessDrift(input)),
        every: hour,
        retraining: found >= 2 ? retraining : null,
      };
    },
  });
  await checked(handle, 1);
  await Promise.all(
    Array.from({ length: 10 }, () => handle.signal('breach', { reason: 'errors' })),
  );
  await eventually('a retraining', async () => (await stateOf(handle)).retrainings >= 1);
  await eventually('a delivery', async () => world.calls(model).includes('registerVersion'));
  expect(await retire(handle)).toMatchObject({ model, retrainings: 1 });
  const delivery = world.client.workflow.getHandle(workflowId.deliver(model));
  const { status, raw } = await delivery.describe();
  expect(status.name).toBe('RUNNING');
  expect(raw.executionConfig?.userMetadata?.summary).toBeDefined();
  expect(world.inputs(model, 'openDelivery')).toMatchObject([
    { trigger: 'performance', requestedBy: 'perennial:monitor', reason: retraining.reason },
  ]);
  await delivery.terminate();
});

test('a trigger that finds a delivery running stays armed and is weighed again when it ends', async () => {
  const model = newModel();
  world.script(model, { assessDrift: assessed(hour, retraining) });
  const delivery = await world.deliver(model);
  const handle = await world.client.workflow.start(workflowTypes.monitorModel, {
    workflowId: workflowId.monitor(model),
    taskQueue: taskQueues.pipeline,
    args: [{ model }],
  });
  await eventually('an armed monitor', async () => (await stateOf(handle)).armed);
  await delivery.terminate();
  await handle.signal('deliveryEnded', { delivery: 1, outcome: 'failed' });
  await eventually('the retraining', async () => (await stateOf(handle)).retrainings === 1);
  expect(world.inputs(model, 'assessDrift').map(({ cause }) => cause)).toEqual([
    'timer',
    'delivery-ended',
  ]);
  await retire(handle);
  await world.client.workflow.getHandle(workflowId.deliver(model)).terminate();
});

test('the end of a delivery does not wake a monitor that is not armed', async () => {
  const { model, handle } = await monitor({ assessDrift: assessed(hour) });
  await checked(handle, 1);
  await handle.signal('deliveryEnded', { delivery: 1, outcome: 'promoted' });
  await retire(handle);
  expect(world.inputs(model, 'assessDrift')).toHaveLength(1);
});

test('continues as new with everything it knows, and its numbers go on', async () => {
  const { model, handle } = await monitor(
    { assessDrift: assessed(100) },
    { continueAfter: 60, checksBefore: 40 },
  );
  const first = (await handle.describe()).runId;
  await handle.executeUpdate('configure', { args: [{ every: 120 }] });
  await eventually('two continuations', async () => {
    const { runId } = await handle.describe();
    return runId !== first && (await stateOf(handle)).checks >= 55;
  });
  const { everyOverride, lastReport } = await stateOf(handle);
  expect(everyOverride).toBe(120);
  expect(lastReport?.verdict).toBe('pass');
  await retire(handle);
  const numbers = world.inputs(model, 'assessDrift').map(({ check }) => check);
  expect(numbers).toEqual(numbers.map((_, index) => 41 + index));
});

test('pause stops the checks, resume and configure take effect at once', async () => {
  const { handle } = await monitor({ assessDrift: assessed(hour) });
  await checked(handle, 1);
  expect(await handle.executeUpdate('pause', { args: [ann] })).toEqual({ status: 'paused' });
  await handle.signal('breach', { reason: 'while paused' });
  expect((await stateOf(handle)).checks).toBe(1);
  await handle.executeUpdate('resume', { args: [ann] });
  await checked(handle, 2);
  await handle.executeUpdate('configure', { args: [{ every: 100 }] });
  await checked(handle, 4);
  const refused = await failureOf(handle.executeUpdate('configure', { args: [{ every: 3 }] }));
  expect(refused.cause).toMatchObject({ type: 'INPUT_INVALID' });
  await retire(handle);
});

test('what people do to a monitor is recorded once, in order, with who and why; what changes nothing is not', async () => {
  const { model, handle } = await monitor({ assessDrift: assessed(hour) });
  await checked(handle, 1);
  const why = { by: 'ann', reason: 'holidays' };
  for (const act of ['pause', 'pause', 'resume', 'resume'])
    await handle.executeUpdate<unknown, [unknown]>(act, { args: [why] });
  await handle.signal('configure', { every: 2 * hour, ...why });
  await handle.signal('configure', { every: null });
  await retire(handle);
  const { runId } = await handle.describe();
  const acts = world.inputs(model, 'recordMonitorAct');
  expect(acts).toEqual(
    [
      { act: 'pause', ...why },
      { act: 'resume', ...why },
      { act: 'configure', every: 2 * hour, ...why },
      { act: 'configure', every: null, by: 'unnamed', reason: '' },
      { act: 'retire', by: 'ann', reason: '' },
    ].map((act, index) => ({ model, runId, number: index + 1, ...act })),
  );
});

test('a monitor whose history has just grown long still ends when it is retired', async () => {
  const { model, handle } = await monitor({ assessDrift: assessed(hour) }, { continueAfter: 1 });
  await eventually('a check', async () => (await stateOf(handle)).checks === 1);
  expect(await retire(handle)).toEqual({ model, checks: 1, retrainings: 0 });
});
