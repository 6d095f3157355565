import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryResult } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';
import {
  digest,
  evaluated,
  evidence,
  healthy,
  judgement,
  planFor,
  validation,
} from '../../scripts/healthy-model.js';
import { broken, untilCancelled, type ActivityName, type Script } from './scripted-activities.js';
import { eventually, failureOf, newModel, startWorld, untilOpen, type World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.end());

/** What an activity says while there is no database. */
const away = new Error('connect ECONNREFUSED');
const isFirst = (model: string, name: ActivityName) =>
  world.calls(model).filter((each) => each === name).length === 1;
const yes = { vote: 'approve', by: 'bob', reason: 'good', evidence } as const;

async function run(script: Script = {}, decision: object | null = yes) {
  const model = newModel();
  world.script(model, script);
  const handle = await world.deliver(model);
  if (decision) {
    await untilOpen(handle);
    await handle.executeUpdate('decide', { args: [decision] });
  }
  return { model, handle };
}

async function resultOf(script: Script, decision: object | null = yes) {
  const { model, handle } = await run(script, decision);
  return { model, handle, result: (await handle.result()) as DeliveryResult };
}

describe('the good path', () => {
  test('ingests, validates, trains, evaluates, registers, is approved, released and closed, within 100 events a run', async () => {
    const { model, handle, result } = await resultOf({});
    expect(result).toMatchObject({ model, delivery: 1, outcome: 'promoted', version: 2 });
    expect(world.calls(model)).toEqual([
      'openDelivery',
      'ingestData',
      'validateData',
      'openTrainingAttempt',
      'superviseTraining',
      'evaluateModel',
      'registerVersion',
      'admitDecision',
      'openRelease',
      'checkStaging',
      'moveRoute',
      'judgeStep',
      'moveRoute',
      'judgeStep',
      'moveRoute',
      'judgeStep',
      'promoteVersion',
      'closeRelease',
      'closeDelivery',
    ] satisfies ActivityName[]);
    const lengths = await Promise.all(
      [
        handle,
        ...['train', 'release'].map((kind) =>
          world.client.workflow.getHandle(
            kind === 'train' ? workflowId.train(model, 1) : workflowId.release(model),
          ),
        ),
      ].map(async (each) => (await each.fetchHistory()).events?.length ?? 0),
    );
    console.info(
      `history events: deliver ${lengths[0]}, train ${lengths[1]}, release ${lengths[2]}`,
    );
    expect(Math.max(...lengths)).toBeLessThanOrEqual(100);
  });

  test('shows itself in search attributes, summaries and details', async () => {
    const { model, handle } = await run({}, null);
    await untilOpen(handle);
    const found = await eventually('the inbox', async () => {
      const query = `MlAwaitingApproval = true AND MlModel = '${model}' AND ExecutionStatus = 'Running'`;
      for await (const each of world.client.workflow.list({ query })) return each;
      return null;
    });
    expect(found.workflowId).toBe(`deliver/${model}`);
    const { currentDetails } =
      (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')) ?? {};
    expect(currentDetails).toContain(`perennial approve ${model} --evidence ${evidence}`);
    expect(currentDetails).toContain('temporal workflow update execute');
    await handle.executeUpdate('decide', { args: [yes] });
    expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
    const { typedSearchAttributes } = await handle.describe();
    const values = Object.fromEntries(
      typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]),
    );
    expect(values).toMatchObject({
      MlOutcome: 'promoted',
      MlStage: 'done',
      MlAwaitingApproval: false,
      MlTeam: 'team',
    });
  });

  test('a version that the spec approves by itself waits for nobody', async () => {
    const { result, model } = await resultOf(
      {
        registerVersion: async (input) => ({
          ...(await healthy.registerVersion(input)),
          automatic: { approved: true, reason: 'The condition holds.' },
        }),
      },
      null,
    );
    expect(result.outcome).toBe('promoted');
    expect(world.calls(model)).not.toContain('admitDecision');
  });

  test('a first version has no champion and goes through staging only', async () => {
    const { model, result } = await resultOf({
      registerVersion: async (input) => ({
        ...(await healthy.registerVersion(input)),
        version: 1,
        champion: null,
      }),
    });
    expect(result).toMatchObject({ outcome: 'promoted', version: 1 });
    expect(result.explanation).toContain('no champion');
    expect(world.calls(model)).toContain('checkStaging');
    expect(world.calls(model)).not.toContain('moveRoute');
  });

  test('a search takes the place of the training, and its best trial goes on', async () => {
    const search = { trials: 3, parallel: 2 };
    const { model, result } = await resultOf({
      openDelivery: async (input) => {
        const plan = await healthy.openDelivery(input);
        return { ...plan, training: { ...plan.training, search } };
      },
      superviseTraining: async (input) =>
        input.trial?.number === 2
          ? { kind: 'failed', code: 65, reason: 'No such column.' }
          : healthy.superviseTraining(input),
    });
    expect(result.outcome).toBe('promoted');
    const supervised = world.inputs(model, 'superviseTraining').map(({ trial }) => trial);
    expect(supervised.toSorted((one, other) => (one?.number ?? 0) - (other?.number ?? 0))).toEqual([
      { number: 1, parameters: { rate: 0.1 } },
      { number: 2, parameters: { rate: 0.2 } },
      { number: 3, parameters: { rate: 0.3 } },
    ]);
    const told = world.inputs(model, 'tellTrial').filter(({ number }) => number === 2);
    expect(told).toMatchObject([{ trained: { kind: 'failed', reason: 'No such column.' } }]);
    const trained = world.inputs(model, 'registerVersion').map((input) => input.trained.trial);
    expect(trained).toEqual([{ number: 1, parameters: { rate: 0.1 } }]);
  });

  test('an unknown metric ends a search with what it is told, and the trials that still run with it', async () => {
    const model = newModel();
    world.script(model, {
      openDelivery: async (input) => {
        const plan = await healthy.openDelivery(input);
        return { ...plan, training: { ...plan.training, search: { trials: 9, parallel: 2 } } };
      },
      superviseTraining: async (input) =>
        input.trial?.number === 1 ? healthy.superviseTraining(input) : untilCancelled(),
      tellTrial: async () => ({
        state: 'failed',
        value: null,
        over: { reason: 'It tells rows.', stopOthers: true },
      }),
      chooseTrial: async () => ({ kind: 'failed', code: 1, reason: 'It tells rows.', attempt: 1 }),
    });
    const handle = await world.deliver(model);
    expect(await handle.result()).toMatchObject({
      outcome: 'training-failed',
      explanation: 'It tells rows.',
    });
    expect(world.calls(model).filter((name) => name === 'superviseTraining')).toHaveLength(2);
  });

  test('a record that cannot be kept at once is kept by an activity that people see waiting', async () => {
    const names: ActivityName[] = ['openDelivery', 'openTrainingAttempt', 'openRelease'];
    const model = newModel();
    const onceAway = (name: ActivityName) => (input: never) =>
      isFirst(model, name)
        ? Promise.reject(away)
        : (healthy[name] as (given: never) => unknown)(input);
    const script = Object.fromEntries(names.map((name) => [name, onceAway(name)])) as Script;
    world.script(model, script);
    const handle = await world.deliver(model);
    await untilOpen(handle);
    await handle.executeUpdate('decide', { args: [yes] });
    expect(await handle.result()).toMatchObject({ outcome: 'promoted' });
    for (const name of names)
      expect(world.calls(model).filter((each) => each === name)).toHaveLength(2);
    const scheduled = ((await handle.fetchHistory()).events ?? []).map(
      (event) => event.activityTaskScheduledEventAttributes?.activityType?.name,
    );
    expect(scheduled).toContain('openDelivery');
    expect(scheduled).not.toContain('closeDelivery');
  });

  test('a retried attempt of training has a row of its own', async () => {
    const { model, result } = await resultOf({
      superviseTraining: async (input) =>
        input.attempt === 1
          ? { kind: 'retry', code: 75, reason: 'Preempted.' }
          : healthy.superviseTraining(input),
    });
    expect(result.outcome).toBe('promoted');
    expect(world.inputs(model, 'openTrainingAttempt').map(({ attempt }) => attempt)).toEqual([
      1, 2,
    ]);
  });
});

describe('refusals end as results, and nothing after them runs', () => {
  const reasons = {
    name: 'nulls',
    verdict: 'fail',
    value: 9,
    lower: null,
    upper: null,
    bound: 1,
    rows: 9,
    reason: 'distance is null in 9 rows.',
  } as const;
  test.each<[string, Script, Partial<DeliveryResult>, ActivityName]>([
    [
      'a broken contract',
      {
        validateData: async () => ({
          ...validation,
          verdict: 'fail',
          channels: null,
          checks: [reasons],
        }),
      },
      { outcome: 'contract-failed' },
      'openTrainingAttempt',
    ],
    [
      'a trainer that fails',
      {
        superviseTraining: async () => ({
          kind: 'failed',
          code: 65,
          reason: 'The label is constant.',
        }),
      },
      { outcome: 'training-failed', explanation: 'The label is constant.' },
      'evaluateModel',
    ],
    [
      'a trainer whose every attempt fails',
      { superviseTraining: async () => ({ kind: 'retry', code: 1, reason: 'Crashed.' }) },
      { outcome: 'training-failed', explanation: 'All 2 attempts failed; the last one: Crashed.' },
      'evaluateModel',
    ],
    [
      'a gate that fails',
      {
        evaluateModel: async () => ({
          ...evaluated,
          verdict: 'fail',
          summary: 'roc_auc is 0.5, below 0.6.',
        }),
      },
      { outcome: 'gate-failed', explanation: 'roc_auc is 0.5, below 0.6.' },
      'registerVersion',
    ],
    [
      'a judge of gates that fails itself',
      { evaluateModel: async () => ({ ...evaluated, verdict: 'error', summary: 'NaN.' }) },
      { outcome: 'gate-failed' },
      'registerVersion',
    ],
  ])('%s', async (_, script, expected, never) => {
    const { model, result } = await resultOf(script, null);
    expect(result).toMatchObject(expected);
    expect(world.calls(model)).not.toContain(never);
    expect(world.inputs(model, 'closeDelivery')).toEqual([
      { model, delivery: 1, outcome: result.outcome, explanation: result.explanation },
    ]);
  });

  test('an inconclusive evaluation goes on to a person and says so', async () => {
    const { handle } = await run(
      { evaluateModel: async () => ({ ...evaluated, verdict: 'inconclusive' }) },
      null,
    );
    const { story } = await untilOpen(handle);
    expect(story).toContain('The gates could not decide; a person has to.');
    await handle.terminate();
  });

  test('a rejection moves no traffic', async () => {
    const { model, result } = await resultOf({}, { ...yes, vote: 'reject', reason: 'too risky' });
    expect(result.outcome).toBe('rejected');
    expect(result.explanation).toContain('too risky');
    expect(world.calls(model)).not.toContain('openRelease');
  });

  test('traffic that somebody else moved meanwhile ends it as rolled back, not as broken', async () => {
    const { model, result } = await resultOf({
      moveRoute: () => {
        const message = 'v2 was to follow champion v1, but the champion is v0.';
        return Promise.reject(ApplicationFailure.create({ message, type: 'FENCED' }));
      },
    });
    expect(result).toMatchObject({
      outcome: 'rolled-back',
      explanation: 'v2 was to follow champion v1, but the champion is v0.',
    });
    expect(world.inputs(model, 'closeRelease')).toMatchObject([{ outcome: 'rolled-back' }]);
    expect(world.inputs(model, 'closeDelivery')).toMatchObject([{ outcome: 'rolled-back' }]);
  });

  test('a bad canary is rolled back', async () => {
    const { model, result } = await resultOf({
      judgeStep: async () => ({ judgement: judgement('rollback') }),
    });
    expect(result).toMatchObject({
      outcome: 'rolled-back',
      explanation: 'The judge says rollback.',
    });
    expect(world.calls(model)).toContain('restoreRoute');
    expect(world.calls(model)).not.toContain('promoteVersion');
  });

  test('a version that serves other answers than it was judged by moves no traffic', async () => {
    const { model, result } = await resultOf({
      checkStaging: async () => ({
        ok: false,
        compared: 256,
        largestDifference: 0.2,
        reason: 'They differ by 0.2.',
      }),
    });
    expect(result).toMatchObject({ outcome: 'rolled-back' });
    expect(world.calls(model)).not.toContain('moveRoute');
  });
});

describe('decisions', () => {
  test('a vote for other evidence is refused to its sender and leaves no trace', async () => {
    const { model, handle } = await run({}, null);
    await untilOpen(handle);
    const refused = await failureOf(
      handle.executeUpdate('decide', { args: [{ ...yes, evidence: digest }] }),
    );
    expect(refused).toBeInstanceOf(WorkflowUpdateFailedError);
    expect(refused.cause).toMatchObject({
      type: 'EVIDENCE_MISMATCH',
    });
    expect(world.calls(model)).not.toContain('admitDecision');
    expect((await handle.query<DeliveryState>('state')).approval?.standing).toBe('open');
    await handle.terminate();
  });

  test('what the admission refuses is answered with its reason, and the delivery waits on', async () => {
    const { handle } = await run(
      {
        admitDecision: async ({ decision }) =>
          decision.by === 'alice'
            ? {
                admitted: false,
                code: 'SELF_APPROVAL',
                reason: 'alice asked for it.',
                standing: 'open',
                approvals: 0,
                quorum: 1,
              }
            : {
                admitted: true,
                code: null,
                reason: '',
                standing: 'approved',
                approvals: 1,
                quorum: 1,
              },
      },
      null,
    );
    await untilOpen(handle);
    const answer = await handle.executeUpdate('decide', { args: [{ ...yes, by: 'alice' }] });
    expect(answer).toMatchObject({ admitted: false, code: 'SELF_APPROVAL' });
    await handle.executeUpdate('decide', { args: [yes] });
    expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
  });

  test('a quorum of two takes two votes', async () => {
    let approvals = 0;
    const { handle } = await run(
      {
        admitDecision: async () => {
          approvals += 1;
          return {
            admitted: true,
            code: null,
            reason: '',
            standing: approvals < 2 ? 'open' : 'approved',
            approvals,
            quorum: 2,
          };
        },
      },
      null,
    );
    await untilOpen(handle);
    expect(await handle.executeUpdate('decide', { args: [yes] })).toMatchObject({
      standing: 'open',
    });
    expect(await handle.executeUpdate('decide', { args: [{ ...yes, by: 'carol' }] })).toMatchObject(
      { standing: 'approved' },
    );
    await handle.result();
  });

  test('the same update id twice is one admission with one answer', async () => {
    const { model, handle } = await run({ judgeStep: untilCancelled }, null);
    await untilOpen(handle);
    const [first, second] = await Promise.all(
      [1, 2].map(() => handle.executeUpdate('decide', { args: [yes], updateId: 'one' })),
    );
    expect(second).toEqual(first);
    expect(world.calls(model).filter((name) => name === 'admitDecision')).toHaveLength(1);
    await handle.cancel();
    await handle.result().catch(() => {});
  });

  test('signals count like updates; senseless ones are counted and change nothing', async () => {
    const { model, handle } = await run({}, null);
    await untilOpen(handle);
    await handle.signal('decide', 'yes please');
    await handle.signal('decide', { vote: 'maybe', by: 'bob' });
    await handle.signal('decide', { ...yes, by: 'Bob Smith' });
    const { refusedMessages } = await eventually('three refused signals', async () => {
      const state = await handle.query<DeliveryState>('state');
      return state.refusedMessages === 3 && state;
    });
    expect(refusedMessages).toBe(3);
    expect(world.calls(model)).not.toContain('admitDecision');
    await handle.signal('decide', yes);
    expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
  });

  test('a signal that comes before the workflow knows of its approval is kept and counts', async () => {
    const model = newModel();
    const early = { ...yes, by: 'bob' };
    world.script(model, {
      // The version stands in the database, and whoever reads it there is faster than the worker's answer.
      registerVersion: async (input) => {
        if (isFirst(model, 'registerVersion')) throw away;
        const handle = world.client.workflow.getHandle(workflowId.deliver(model));
        await handle.signal('decide', early);
        await handle.signal('decide', early);
        return healthy.registerVersion(input);
      },
    });
    const handle = await world.deliver(model);
    expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
    expect(world.inputs(model, 'admitDecision').map(({ messageId }) => messageId)).toEqual([
      'signal/1',
      'signal/2',
    ]);
    expect((await handle.query<DeliveryState>('state')).refusedMessages).toBe(0);
  });

  test('an early update is refused, so that its sender sends it again; an early cancellation is not kept waiting', async () => {
    const model = newModel();
    world.script(model, {
      registerVersion: () =>
        isFirst(model, 'registerVersion') ? Promise.reject(away) : untilCancelled(),
    });
    const handle = await world.deliver(model);
    await eventually(
      'the register stage',
      async () => world.calls(model).filter((name) => name === 'registerVersion').length === 2,
    );
    await handle.signal('decide', yes);
    const refused = await failureOf(handle.executeUpdate('decide', { args: [yes] }));
    expect(refused.cause).toMatchObject({
      type: 'APPROVAL_NOT_OPEN',
      message: 'The approval is being opened: send it once more.',
    });
    await handle.signal('decide', { vote: 'cancel', by: 'alice' });
    expect(await handle.result()).toMatchObject({ outcome: 'cancelled' });
  });

  test('malformed updates are refused with what is wrong', async () => {
    const { handle } = await run({}, null);
    await untilOpen(handle);
    for (const [message, words] of [
      [{ vote: 'perhaps', by: 'bob' }, /vote is "perhaps"/],
      [{ vote: 'approve', by: 'Bob' }, /by is "Bob"/],
      [{ ...yes, ticket: 1 }, /There is no ticket/],
      [null, /send one object/],
    ] as const) {
      const refused = await failureOf(handle.executeUpdate('decide', { args: [message] }));
      expect(refused.cause).toMatchObject({ type: 'INPUT_INVALID' });
      expect(refused.cause).toMatchObject({ message: expect.stringMatching(words) as string });
    }
    await handle.terminate();
  });
});

test('a release waits for a rollback that is under way', async () => {
  const { model, handle } = await run({}, null);
  await untilOpen(handle);
  const id = workflowId.release(model);
  let ended = false;
  world.script(model, {
    promoteVersion: async (input) => {
      await eventually('the waiting delivery', async () => {
        const { story } = await handle.query<DeliveryState>('state');
        return story.some((line) => line.includes('waits for its end'));
      });
      ended = true;
      return healthy.promoteVersion(input);
    },
    checkStaging: async (input) => {
      expect(ended).toBe(true);
      return healthy.checkStaging(input);
    },
  });
  const rollback = await world.client.workflow.start(workflowTypes.releaseModel, {
    workflowId: id,
    taskQueue: taskQueues.pipeline,
    args: [
      {
        ...planFor(model).release,
        model,
        delivery: 1,
        version: 1,
        champion: 2,
        specDigest: digest,
        requestedBy: 'alice',
        immediate: { reason: 'complaints' },
      },
    ],
  });
  await handle.executeUpdate('decide', { args: [yes] });
  await rollback.result();
  expect(await handle.result()).toMatchObject({ outcome: 'promoted', version: 2 });
});

describe('cancelling', () => {
  test.each<[ActivityName, ActivityName[]]>([
    ['ingestData', ['closeDelivery']],
    ['superviseTraining', ['closeDelivery']],
    ['judgeStep', ['restoreRoute', 'closeRelease', 'withdrawApproval', 'closeDelivery']],
  ])('a vote to cancel during %s undoes what was begun and is a result', async (during, undone) => {
    const { model, handle } = await run(
      { [during]: untilCancelled },
      during === 'judgeStep' ? yes : null,
    );
    await eventually(`${during} to run`, async () => world.calls(model).includes(during));
    await handle.executeUpdate('decide', {
      args: [{ vote: 'cancel', by: 'alice', reason: 'wrong data' }],
    });
    expect(await handle.result()).toMatchObject({
      outcome: 'cancelled',
      explanation: 'Cancelled by alice: wrong data',
    });
    const after = world.calls(model).slice(world.calls(model).lastIndexOf('admitDecision') + 1);
    expect(after.filter((name, index) => after.indexOf(name) === index)).toEqual(
      expect.arrayContaining(undone),
    );
    expect(after.at(-1)).toBe('closeDelivery');
  });

  test('cancelling through Temporal undoes the same and ends as cancelled', async () => {
    const { model, handle } = await run({}, null);
    await untilOpen(handle);
    await handle.cancel();
    const failure = await failureOf(handle.result());
    expect(failure.cause).toBeInstanceOf(CancelledFailure);
    expect(world.calls(model).slice(-2)).toEqual(['withdrawApproval', 'closeDelivery']);
    expect(world.inputs(model, 'closeDelivery')[0]).toMatchObject({ outcome: 'cancelled' });
  });
});

describe('the saga in reverse from every step that breaks', () => {
  test.each<[ActivityName, ActivityName[]]>([
    ['ingestData', ['closeDelivery']],
    ['validateData', ['closeDelivery']],
    ['openTrainingAttempt', ['closeDelivery']],
    ['superviseTraining', ['closeDelivery']],
    ['evaluateModel', ['closeDelivery']],
    ['registerVersion', ['withdrawApproval', 'closeDelivery']],
    ['openRelease', ['closeRelease', 'restoreRoute', 'withdrawApproval', 'closeDelivery']],
    ['checkStaging', ['closeRelease', 'restoreRoute', 'withdrawApproval', 'closeDelivery']],
    [
      'moveRoute',
      ['restoreRoute', 'closeRelease', 'restoreRoute', 'withdrawApproval', 'closeDelivery'],
    ],
    [
      'judgeStep',
      ['restoreRoute', 'closeRelease', 'restoreRoute', 'withdrawApproval', 'closeDelivery'],
    ],
    [
      'promoteVersion',
      ['restoreRoute', 'closeRelease', 'restoreRoute', 'withdrawApproval', 'closeDelivery'],
    ],
  ])('%s', async (step, undone) => {
    const late = healthyOrder.indexOf(step) > healthyOrder.indexOf('registerVersion');
    const { model, handle } = await run({ [step]: broken(step) }, late ? yes : null);
    const failure = await failureOf(handle.result());
    const cause = failure.cause;
    expect(cause).toBeInstanceOf(ApplicationFailure);
    expect(cause).toMatchObject({ type: 'SOURCE_NOT_FOUND', message: `${step} broke` });
    const calls = world.calls(model);
    expect(calls.slice(calls.lastIndexOf(step) + 1)).toEqual(undone);
    expect(world.inputs(model, 'closeDelivery').at(-1)).toMatchObject({
      outcome: 'failed',
      explanation: `${step} broke`,
    });
  });

  test('an opening that is refused leaves nothing to undo', async () => {
    const { model, handle } = await run({ openDelivery: broken('openDelivery') }, null);
    await failureOf(handle.result());
    expect(world.calls(model)).toEqual(['openDelivery']);
  });

  test('a compensation that fails does not keep the others from running', async () => {
    const { model, handle } = await run(
      { registerVersion: broken('registerVersion'), withdrawApproval: broken('withdrawApproval') },
      null,
    );
    await failureOf(handle.result());
    expect(world.calls(model).slice(-2)).toEqual(['withdrawApproval', 'closeDelivery']);
  });
});

describe('identity', () => {
  test('a delivery under another id than its own is refused at once', async () => {
    const model = newModel();
    const handle = await world.client.workflow.start(workflowTypes.deliverModel, {
      workflowId: `my-delivery-of-${model}`,
      taskQueue: taskQueues.pipeline,
      args: [{ model, requestedBy: 'alice' }],
    });
    const failure = await failureOf(handle.result());
    expect(failure.cause).toMatchObject({ type: 'DELIVERY_ID_INVALID' });
    expect(world.calls(model)).toEqual([]);
  });

  test('a delivery without input is refused rather than stuck', async () => {
    const handle = await world.client.workflow.start(workflowTypes.deliverModel, {
      workflowId: workflowId.deliver(newModel()),
      taskQueue: taskQueues.pipeline,
      args: [],
    });
    const failure = await failureOf(handle.result());
    expect(failure.cause).toMatchObject({ type: 'INPUT_INVALID' });
  });
});

const healthyOrder: ActivityName[] = [
  'openDelivery',
  'ingestData',
  'validateData',
  'openTrainingAttempt',
  'superviseTraining',
  'evaluateModel',
  'registerVersion',
  'openRelease',
  'checkStaging',
  'moveRoute',
  'judgeStep',
  'promoteVersion',
];
