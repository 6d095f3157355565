import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LackingMoney } from '../../contracts/money-wait.js';
import { taskQueues, workflowId } from '../../contracts/messages.js';
import type { TrainModelInput, TrainModelResult } from '../../contracts/stages.js';
import { tellBudgetExtended } from '../../client/temporal.js';
import { digest, healthy, planFor, validation } from '../../scripts/healthy-model.js';
import type { Script } from './scripted-activities.js';
import { skippingClient } from './skipping-client.js';
import { eventually, newModel, startWorld, untilOpen, type World } from './world.js';

let world: World;
let skipping: Client;
beforeAll(async () => {
  world = await startWorld();
  skipping = skippingClient(world.client);
});
afterAll(() => world.end());

const stopped = {
  kind: 'failed',
  error: 'BUDGET_EXCEEDED',
  code: 143,
  reason: 'The budget is spent. Raise it.',
} as const;
const lacking: LackingMoney = {
  budget: 'team growth (month)',
  limit: '10.00 EUR',
  spent: '9.90 EUR',
  held: '0.00 EUR',
  needs: '0.40 EUR',
  missing: '0.30 EUR',
  serves: '4.00 EUR runs it for about an hour',
  extend: 'perennial budget extend team growth --by 4.00',
};
const day = 86_400_000;

/** Money that is lacking until the test says otherwise. */
function purse() {
  const state = { covered: false };
  const askForMoney: Script['askForMoney'] = async () =>
    state.covered ? { covered: true } : { covered: false, ...lacking };
  return { state, askForMoney };
}

const detailsOf = async (id: string): Promise<string> => {
  const handle = world.client.workflow.getHandle(id);
  const { currentDetails } = await handle.query<{ currentDetails: string }>(
    '__temporal_workflow_metadata',
  );
  return currentDetails;
};
const waitShown = (model: string) =>
  eventually('the wait in the delivery', async () => {
    const details = await detailsOf(workflowId.deliver(model));
    return details.includes('The training waits for money until') && details;
  });
/** A training of its own: time is skipped for what a client starts, not for the children of that. */
const train = async (model: string, search?: { trials: number; parallel: number }) => {
  const { training } = planFor(model);
  const { train: rows, holdout } = validation.channels ?? {};
  if (!rows || !holdout) throw new Error('There are no rows.');
  const input: TrainModelInput = {
    model,
    delivery: 1,
    specDigest: digest,
    channels: { train: rows, holdout },
    plan: search ? { ...training, search } : training,
    atOnce: true,
  };
  const result: unknown = await skipping.workflow.execute(search ? 'searchModel' : 'trainModel', {
    workflowId: workflowId.train(model, 1),
    taskQueue: taskQueues.pipeline,
    args: [input],
  });
  return result as TrainModelResult;
};

const nothing = async () =>
  ({
    kind: 'failed',
    code: 1,
    reason: 'None of 2 trials ended with a model.',
    attempt: 1,
  }) as const;

test('seven days without money: looked every hour, then a training ends, and a search as well', async () => {
  const [alone, searched] = [newModel(), newModel()];
  const begun = Date.now();
  const { askForMoney } = purse();
  const superviseTraining = async () => stopped;
  for (const model of [alone, searched])
    world.script(model, { superviseTraining, askForMoney, chooseTrial: nothing });
  const [trained, found] = await Promise.all([
    train(alone),
    train(searched, { trials: 3, parallel: 1 }),
  ]);
  expect(trained).toMatchObject({
    kind: 'failed',
    error: 'BUDGET_EXCEEDED',
    attempt: 1,
    reason: expect.stringMatching(/Raise it\. Nobody did in seven days;/) as string,
  });
  expect(found).toMatchObject({
    kind: 'failed',
    reason: 'None of 2 trials ended with a model. Nobody did in seven days.',
  });
  const looks = world.inputs(alone, 'askForMoney');
  expect(looks.length).toBeGreaterThanOrEqual(7 * 24);
  expect(looks.length).toBeLessThanOrEqual(7 * 24 + 2);
  expect(new Set(looks.map(({ until }) => until)).size).toBe(1);
  expect(Date.parse(looks[0]?.until ?? '') - begun).toBeGreaterThanOrEqual(7 * day);
  expect(world.inputs(searched, 'tellTrial')).toMatchObject([{ number: 1, trained: stopped }]);
  for (const model of [alone, searched])
    expect(world.inputs(model, 'superviseTraining')).toHaveLength(1);
});

test('a delivery shows that its training waits for money, and no more once it is there', async () => {
  const model = newModel();
  const { state, askForMoney } = purse();
  let attempts = 0;
  world.script(model, {
    askForMoney,
    superviseTraining: async (input) => {
      attempts += 1;
      return attempts === 1 ? stopped : healthy.superviseTraining(input);
    },
  });
  const handle = await world.deliver(model);
  expect(await waitShown(model)).toContain(
    `lacks 0.30 EUR; ${lacking.serves}. \`${lacking.extend}\``,
  );
  state.covered = true;
  await tellBudgetExtended(world.client, model, 1, { by: 'bo' });
  await untilOpen(handle);
  expect(await detailsOf(workflowId.deliver(model))).not.toContain('waits for money');
  await handle.terminate();
});

const searching = (trials: number, parallel: number): Script => ({
  openDelivery: async (input) => {
    const plan = await healthy.openDelivery(input);
    return { ...plan, training: { ...plan.training, search: { trials, parallel } } };
  },
});
test('a search that runs out of money ends with the best of its trials, and says that money ended it', async () => {
  const model = newModel();
  const { askForMoney } = purse();
  world.script(model, {
    ...searching(9, 1),
    askForMoney,
    superviseTraining: async (input) =>
      input.trial?.number === 3 ? stopped : healthy.superviseTraining(input),
  });
  const handle = await world.deliver(model);
  const { story } = await untilOpen(handle);
  expect(story).toContain('Money ended the search after 3 of 9 trials, with the best of them.');
  expect(world.inputs(model, 'askForMoney').map(({ until }) => until)).toEqual([undefined]);
  expect(world.inputs(model, 'tellTrial')).toMatchObject([
    { number: 1, trained: { kind: 'succeeded' } },
    { number: 2, trained: { kind: 'succeeded' } },
    { number: 3, trained: stopped },
  ]);
  expect(await detailsOf(workflowId.train(model, 1))).toContain('Money ended the search');
  await handle.terminate();
});

test('a search without a good trial waits for money, and goes on with the trials that it stopped', async () => {
  const model = newModel();
  const { state, askForMoney } = purse();
  world.script(model, {
    ...searching(3, 2),
    askForMoney,
    chooseTrial: (input) => (state.covered ? healthy.chooseTrial(input) : nothing()),
    superviseTraining: async (input) =>
      state.covered ? healthy.superviseTraining(input) : stopped,
  });
  const handle = await world.deliver(model);
  await waitShown(model);
  expect(await detailsOf(workflowId.train(model, 1))).toContain('### Money is awaited');
  expect(world.inputs(model, 'tellTrial')).toEqual([]);
  state.covered = true;
  expect(await tellBudgetExtended(world.client, model, 1, { by: 'bo' })).toMatchObject({
    covered: true,
  });
  const { story } = await untilOpen(handle);
  expect(story.join()).not.toContain('Money ended');
  const supervised = world
    .inputs(model, 'superviseTraining')
    .map(({ trial, attempt }) => `${trial?.number}.${attempt}`);
  expect(supervised.toSorted()).toEqual(['1.1', '1.2', '2.1', '2.2', '3.1']);
  expect(world.inputs(model, 'askTrial')).toHaveLength(3);
  expect(
    world
      .inputs(model, 'tellTrial')
      .map(({ number }) => number)
      .toSorted(),
  ).toEqual([1, 2, 3]);
  await handle.terminate();
});

test('a search that is cancelled while it waits tells what became of its trials', async () => {
  const model = newModel();
  const { askForMoney } = purse();
  world.script(model, {
    ...searching(3, 1),
    askForMoney,
    chooseTrial: nothing,
    superviseTraining: async () => stopped,
  });
  const handle = await world.deliver(model);
  await waitShown(model);
  await handle.cancel();
  await expect(handle.result()).rejects.toMatchObject({ name: 'WorkflowFailedError' });
  expect(world.inputs(model, 'tellTrial')).toMatchObject([
    { number: 1, trained: { kind: 'failed', reason: 'It was stopped with its search.' } },
  ]);
});
