import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowId } from '../../contracts/messages.js';
import type { DeliveryResult } from '../../contracts/stages.js';
import type { DeliveryState } from '../../contracts/states.js';
import { evidence, planFor } from '../../scripts/healthy-model.js';
import type { ActivityName } from './scripted-activities.js';
import { skippingClient } from './skipping-client.js';
import { newModel, startWorld, untilOpen, type World } from './world.js';

let world: World;
let skipping: Client;
beforeAll(async () => {
  world = await startWorld();
  skipping = skippingClient(world.client);
});
afterAll(() => world.end());

test('ninety days without an answer: reminded, escalated, expired, and nothing is left to promote', async () => {
  const model = newModel();
  const handle = await world.deliver(model, skipping);
  const result = (await handle.result()) as DeliveryResult;
  expect(result).toMatchObject({ outcome: 'expired', version: 2 });
  expect(result.explanation).toMatch(/^No decision came until /);
  expect(world.inputs(model, 'remindApprovers').map(({ kind, to }) => [kind, to])).toEqual([
    ['reminder', ['bob']],
    ['escalation', ['carol']],
    ['expired', ['bob']],
  ]);
  expect(world.calls(model)).not.toContain('openRelease' satisfies ActivityName);
  expect((await handle.describe()).historyLength).toBeLessThanOrEqual(100);
});

test('a vote on the eighty-ninth day still promotes', async () => {
  const model = newModel();
  const plan = planFor(model);
  const day = 86_400_000;
  let votedAfter = 0;
  world.script(model, {
    openDelivery: async () => ({
      ...plan,
      approval: { ...plan.approval, escalateAfter: 89 * day },
    }),
    // Time stands still only while an activity runs, so that the vote comes in beside the escalation.
    remindApprovers: async ({ kind }) => {
      if (kind !== 'escalation') return { standing: 'open' };
      const handle = world.client.workflow.getHandle(workflowId.deliver(model));
      const { approval } = await handle.query<DeliveryState>('state');
      votedAfter =
        Context.current().info.scheduledTimestampMs - Date.parse(approval?.openedAt ?? '');
      await handle.executeUpdate('decide', { args: [{ vote: 'approve', by: 'bob', evidence }] });
      return { standing: 'approved' };
    },
  });
  const handle = await world.deliver(model, skipping);
  expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
  expect(votedAfter).toBeGreaterThanOrEqual(89 * day);
  expect(world.calls(model).filter((name) => name === 'admitDecision')).toHaveLength(1);
});

test('a vote that the database admitted while the approval was expiring stands', async () => {
  const model = newModel();
  world.script(model, {
    remindApprovers: async ({ kind }) => ({ standing: kind === 'expired' ? 'approved' : 'open' }),
  });
  const handle = await world.deliver(model, skipping);
  expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
});

test('deadlines after the expiry are left out', async () => {
  const model = newModel();
  const plan = planFor(model);
  world.script(model, {
    openDelivery: async () => ({ ...plan, approval: { ...plan.approval, expireAfter: 3_600_000 } }),
  });
  const handle = await world.deliver(model, skipping);
  await handle.result();
  expect(world.inputs(model, 'remindApprovers').map(({ kind }) => kind)).toEqual(['expired']);
});

test('the wait holds no worker and survives everything: a vote after a reminder counts', async () => {
  const model = newModel();
  const plan = planFor(model);
  world.script(model, {
    openDelivery: async () => ({ ...plan, approval: { ...plan.approval, remindAfter: 100 } }),
  });
  const handle = await world.deliver(model);
  const { story } = await untilOpen(handle);
  expect(story.at(-1)).toContain('Version 2 registered');
  await handle.executeUpdate('decide', { args: [{ vote: 'approve', by: 'bob', evidence }] });
  expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
});
