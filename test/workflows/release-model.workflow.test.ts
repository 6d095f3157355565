import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { ReleaseStatus } from '../../contracts/release-state.js';
import type { ReleaseModelInput, ReleaseResult } from '../../contracts/stages.js';
import type { ReleaseAnswer, ReleaseState } from '../../contracts/states.js';
import { digest, judgement, planFor } from '../../scripts/healthy-model.js';
import { untilCancelled, type ActivityName, type Script } from './scripted-activities.js';
import { eventually, failureOf, newModel, startWorld, type World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.end());

const ann = { by: 'ann', reason: 'because' };

async function release(script: Script, change: Partial<ReleaseModelInput> = {}) {
  const model = newModel();
  world.script(model, script);
  const handle = await world.client.workflow.start(workflowTypes.releaseModel, {
    workflowId: workflowId.release(model),
    taskQueue: taskQueues.pipeline,
    args: [
      {
        model,
        delivery: 1,
        version: 2,
        champion: 1,
        specDigest: digest,
        requestedBy: 'alice',
        ...planFor(model).release,
        ...change,
      },
    ],
  });
  return { model, handle };
}

const stateOf = (handle: WorkflowHandle) => handle.query<ReleaseState>('state');
const until = (handle: WorkflowHandle, status: ReleaseStatus) =>
  eventually(`status ${status}`, async () => {
    const state = await stateOf(handle);
    return state.status === status && state;
  });
const tell = (handle: WorkflowHandle, act: string, message: object = ann) =>
  handle.executeUpdate<ReleaseAnswer, [object]>(act, { args: [message] });

const judges = (model: string) => world.calls(model).filter((name) => name === 'judgeStep').length;

describe('commands', () => {
  test('pause ends the judge, resume starts another, and the release goes on', async () => {
    let resumed = false;
    const { model, handle } = await release({
      judgeStep: () =>
        resumed ? Promise.resolve({ judgement: judgement('promote') }) : untilCancelled(),
    });
    await eventually('a judge', async () => judges(model) === 1);
    expect(await tell(handle, 'pause')).toMatchObject({ status: 'paused' });
    resumed = true;
    expect(await tell(handle, 'resume')).toMatchObject({ status: 'canary' });
    expect(((await handle.result()) as ReleaseResult).outcome).toBe('promoted');
    expect(world.calls(model)).not.toContain('restoreRoute');
    expect(world.inputs(model, 'steerRelease')).toMatchObject([
      { act: 'pause', status: 'paused', steered: 1, ...ann },
      { act: 'resume', status: 'canary', steered: 2, ...ann },
    ]);
  });

  test('abort moves the route first and ends the judge after', async () => {
    const { model, handle } = await release({ judgeStep: untilCancelled });
    await eventually('a judge', async () => judges(model) === 1);
    expect(await tell(handle, 'abort')).toMatchObject({ status: 'aborted' });
    expect(await handle.result()).toMatchObject({
      outcome: 'aborted',
      reason: 'abort by ann: because',
    });
    expect(world.calls(model).slice(-2)).toEqual([
      'restoreRoute',
      'closeRelease',
    ] satisfies ActivityName[]);
    const events = (await handle.fetchHistory()).events ?? [];
    const restored = events.findIndex(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'restoreRoute',
    );
    const cancelled = events.findIndex((event) => event.activityTaskCancelRequestedEventAttributes);
    expect(restored).toBeGreaterThan(0);
    expect(cancelled).toBeGreaterThan(restored);
  });

  test('abort during staging moves no traffic at all', async () => {
    const { model, handle } = await release({ checkStaging: untilCancelled });
    await eventually('staging', async () => world.calls(model).includes('checkStaging'));
    await tell(handle, 'abort');
    expect(((await handle.result()) as ReleaseResult).outcome).toBe('aborted');
    expect(world.calls(model)).not.toContain('moveRoute');
  });

  test('promote takes the place of the judge', async () => {
    const { model, handle } = await release({ judgeStep: untilCancelled });
    await eventually('a judge', async () => judges(model) === 1);
    expect(await tell(handle, 'promote')).toMatchObject({ status: 'promoted' });
    expect(((await handle.result()) as ReleaseResult).outcome).toBe('promoted');
    expect(world.inputs(model, 'promoteVersion')).toMatchObject([
      { by: 'ann', reason: 'promote by ann: because' },
    ]);
  });

  test('a command that is not possible now is refused with the states it is possible in', async () => {
    const { model, handle } = await release({ judgeStep: untilCancelled });
    await eventually('a judge', async () => judges(model) === 1);
    const refused = await failureOf(tell(handle, 'resume'));
    expect(refused.cause).toMatchObject({
      type: 'RELEASE_STATE',
      message: 'Cannot resume: the release is canary; possible while paused.',
    });
    await tell(handle, 'abort');
    await handle.result();
  });

  test('each command is also a signal', async () => {
    const { model, handle } = await release({ judgeStep: untilCancelled });
    await eventually('a judge', async () => judges(model) === 1);
    await handle.signal('pause', ann);
    await until(handle, 'paused');
    await handle.signal('resume', 'nonsense');
    await eventually(
      'a counted refusal',
      async () => (await stateOf(handle)).refusedMessages === 1,
    );
    await handle.signal('abort', ann);
    expect(((await handle.result()) as ReleaseResult).outcome).toBe('aborted');
  });
});

describe('a judge that asks', () => {
  const asking: Script = { judgeStep: async () => ({ judgement: judgement('ask') }) };

  test('waits for a person in the inbox; approve promotes', async () => {
    const { model, handle } = await release(asking);
    const { question } = await until(handle, 'waiting');
    expect(question).toBe('The judge says ask.');
    await eventually('the inbox', async () => {
      const query = `MlAwaitingApproval = true AND MlModel = '${model}' AND ExecutionStatus = 'Running'`;
      return (await world.client.workflow.count(query)).count === 1;
    });
    await tell(handle, 'decide', { vote: 'approve', ...ann });
    expect(((await handle.result()) as ReleaseResult).outcome).toBe('promoted');
  });

  test('reject rolls back', async () => {
    const { model, handle } = await release(asking);
    await until(handle, 'waiting');
    await tell(handle, 'decide', { vote: 'reject', ...ann });
    expect(await handle.result()).toMatchObject({
      outcome: 'rolled-back',
      reason: 'rejected by ann: because',
    });
    expect(world.calls(model)).toContain('restoreRoute');
  });

  test('extend gives the step another stretch', async () => {
    let asked = false;
    const { model, handle } = await release({
      judgeStep: async () => {
        const recommendation = asked ? 'promote' : 'ask';
        asked = true;
        return { judgement: judgement(recommendation) };
      },
    });
    await until(handle, 'waiting');
    expect(await tell(handle, 'extend')).toMatchObject({ status: 'canary' });
    expect(((await handle.result()) as ReleaseResult).outcome).toBe('promoted');
    expect(judges(model)).toBe(4);
    const [first, second] = world.inputs(model, 'judgeStep');
    const hour = 3_600_000;
    expect(first?.maximumTime).toBe(hour);
    // From the step's beginning on: what it was given, and the other stretch after that.
    expect(second?.since).toBe(first?.since);
    expect(second?.maximumTime).toBe(2 * hour);
  });
});

test('a rollback by hand is at once: neither staging nor steps', async () => {
  const { model, handle } = await release({}, { immediate: { reason: 'v3 is slow' } });
  expect(await handle.result()).toMatchObject({ outcome: 'promoted', reason: 'v3 is slow' });
  expect(world.calls(model)).toEqual(['openRelease', 'promoteVersion', 'closeRelease']);
});

test('each move is fenced by the revision that the one before it made', async () => {
  const { model, handle } = await release({});
  await handle.result();
  expect(
    world
      .inputs(model, 'moveRoute')
      .map(({ expectedRevision, step, share }) => [expectedRevision, step, share]),
  ).toEqual([
    [1, 1, 0.05],
    [2, 2, 0.1],
    [3, 3, 0.25],
  ]);
  expect(world.inputs(model, 'promoteVersion')[0]?.expectedRevision).toBe(4);
});

test('a release that is cancelled puts the route back and ends as cancelled', async () => {
  const { model, handle } = await release({ judgeStep: untilCancelled });
  await eventually('a judge', async () => judges(model) === 1);
  await handle.cancel();
  await failureOf(handle.result());
  expect(world.calls(model).slice(-2)).toEqual([
    'restoreRoute',
    'closeRelease',
  ] satisfies ActivityName[]);
  expect((await handle.describe()).status.name).toBe('CANCELLED');
});
