import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  commandMonitor,
  commandRelease,
  decide,
  deliveryResult,
  deliveryState,
  monitorState,
  releaseState,
  signalDecision,
  startDelivery,
} from '../../client/temporal.js';
import { PerennialError } from '../../contracts/errors.js';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryState } from '../../contracts/states.js';
import { evidence, judgement } from '../../scripts/healthy-model.js';
import { eventually, failureOf, newModel, startWorld, untilOpen, type World } from './world.js';

let world: World;
let connection: Connection;
/** A team's own client: it shares nothing with ours but the names. */
let client: Client;
beforeAll(async () => {
  world = await startWorld();
  connection = await Connection.connect({ address: world.address });
  client = new Client({ connection, namespace: world.namespace });
});
afterAll(async () => {
  await connection.close();
  await world.end();
});

test("a team's own client starts a delivery and approves it by names alone", async () => {
  const model = newModel();
  const handle = await client.workflow.start('deliverModel', {
    workflowId: `deliver/${model}`,
    taskQueue: 'perennial-pipeline',
    args: [{ model, requestedBy: 'team-a' }],
  });
  const open = await untilOpen(handle);
  await handle.signal('decide', {
    vote: 'approve',
    by: 'bob',
    reason: 'fine',
    evidence: open.approval?.evidence,
  });
  expect(await handle.result()).toMatchObject({ outcome: 'promoted' });
});

describe('the typed door', () => {
  test('starts, votes, reads states and the result', async () => {
    const model = newModel();
    world.script(model, { judgeStep: async () => ({ judgement: judgement('ask') }) });
    const started = await startDelivery(client, { model, requestedBy: 'team-a' });
    expect(started).toMatchObject({ model, workflowId: `deliver/${model}`, joined: false });
    await eventually(
      'the approval',
      async () => (await deliveryState(client, model)).approval?.standing === 'open',
    );
    const refused = await failureOf(
      decide(client, model, {
        vote: 'approve',
        by: 'bob',
        evidence: 'f'.repeat(64),
      }),
    );
    expect(refused).toBeInstanceOf(PerennialError);
    expect((refused as PerennialError).code).toBe('EVIDENCE_MISMATCH');
    await signalDecision(client, model, { vote: 'approve', by: 'bob', evidence });
    await eventually(
      'the question',
      async () => (await releaseState(client, model)).status === 'waiting',
    );
    await commandRelease(client, model, 'promote', { by: 'bob', reason: 'sure' });
    expect(await deliveryResult(client, model)).toMatchObject({ outcome: 'promoted' });
  });

  test('refuses, joins or supersedes a running delivery', async () => {
    const model = newModel();
    const first = await startDelivery(client, { model, requestedBy: 'team-a' });
    await untilOpen(client.workflow.getHandle(workflowId.deliver(model)));
    const refused = await failureOf(startDelivery(client, { model, requestedBy: 'team-b' }));
    expect((refused as PerennialError).code).toBe('DELIVERY_IN_PROGRESS');
    expect((refused as PerennialError).message).toContain('stage approve; it awaits a vote of bob');
    const joined = await startDelivery(
      client,
      { model, requestedBy: 'team-b' },
      { ifRunning: 'join' },
    );
    expect(joined).toEqual({ ...first, joined: true });
    const window = { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' };
    await expect(
      startDelivery(client, { model, requestedBy: 'team-b', window }, { ifRunning: 'join' }),
    ).rejects.toThrow(/runs already/);
    const second = await startDelivery(
      client,
      { model, requestedBy: 'team-b' },
      { ifRunning: 'supersede' },
    );
    expect(second.runId).not.toBe(first.runId);
    expect(world.calls(model)).toContain('withdrawApproval');
    const { requestedBy } = await eventually('the second one', async () => {
      const state = await client.workflow
        .getHandle(workflowId.deliver(model))
        .query<DeliveryState>('state');
      return state.requestedBy === 'team-b' && state;
    });
    expect(requestedBy).toBe('team-b');
    await client.workflow.getHandle(workflowId.deliver(model)).terminate();
  });

  test('commands a monitor', async () => {
    const model = newModel();
    await client.workflow.start(workflowTypes.monitorModel, {
      workflowId: workflowId.monitor(model),
      taskQueue: taskQueues.pipeline,
      args: [{ model }],
    });
    await eventually('a check', async () => (await monitorState(client, model)).checks === 1);
    expect(await commandMonitor(client, model, 'pause', { by: 'team-a' })).toEqual({
      status: 'paused',
    });
    expect(await commandMonitor(client, model, 'retire', { by: 'team-a' })).toEqual({
      status: 'retired',
    });
  });
});
