import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { queries, taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryResult } from '../../contracts/stages.js';
import type { DeliveryState, MonitorState, ReleaseState } from '../../contracts/states.js';
import { digest, evidence, healthy, planFor } from '../../scripts/healthy-model.js';
import { untilCancelled } from '../workflows/scripted-activities.js';
import {
  eventually,
  failureOf,
  newModel,
  startWorld,
  untilOpen,
  type World,
} from '../workflows/world.js';

/** Wrong updates and signals: a code and a sentence for whoever waits for an answer, a count where nobody does, and nothing changed. */

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.end());

const yes = { vote: 'approve', by: 'bob', reason: 'good', evidence };
type Wrong = [name: string, message: unknown, code: string, says: RegExp];

const wrongVotes: Wrong[] = [
  ['nothing', undefined, 'INPUT_INVALID', /The message is missing: send one object with vote, by/],
  ['a word', 'yes please', 'INPUT_INVALID', /The message is "yes please": send one object/],
  ['a list', [yes], 'INPUT_INVALID', /send one object/],
  [
    'a vote that is none',
    { ...yes, vote: 'maybe' },
    'INPUT_INVALID',
    /vote is "maybe": use approve, reject or cancel/,
  ],
  ['nobody', { vote: 'approve', evidence }, 'INPUT_INVALID', /by is missing: name who acts/],
  [
    "a person's name",
    { ...yes, by: 'Bob Smith' },
    'INPUT_INVALID',
    /by is "Bob Smith": .*lower-case/,
  ],
  [
    'a key nobody knows',
    { ...yes, ticket: 7 },
    'INPUT_INVALID',
    /There is no ticket in this message/,
  ],
  ['a reason that is no text', { ...yes, reason: 7 }, 'INPUT_INVALID', /reason is a text/],
  [
    'a book for a reason',
    { ...yes, reason: 'x'.repeat(2_001) },
    'INPUT_INVALID',
    /at most 2000 characters/,
  ],
  ['a NUL', { ...yes, reason: 'yes\0' }, 'INPUT_INVALID', /a NUL or half of a surrogate pair/],
  ['half a character', { ...yes, reason: 'yes \ud83d' }, 'INPUT_INVALID', /a NUL or half/],
  [
    'evidence that is no digest',
    { ...yes, evidence: 'that one' },
    'INPUT_INVALID',
    /evidence is "that one": it is a sha256/,
  ],
  ['a vote for no evidence', { vote: 'approve', by: 'bob' }, 'EVIDENCE_MISMATCH', /evidence/],
  ['other evidence', { ...yes, evidence: digest }, 'EVIDENCE_MISMATCH', /evidence/],
];

const wrongCommands: [act: string, ...Wrong][] = [
  ['abort', 'an abort of nobody', {}, 'INPUT_INVALID', /by is missing/],
  ['abort', 'an abort in a word', 'stop', 'INPUT_INVALID', /send one object with by, reason/],
  [
    'promote',
    'a promotion with a key nobody knows',
    { by: 'ann', version: 3 },
    'INPUT_INVALID',
    /There is no version/,
  ],
  ['pause', 'a pause by a name', { by: 'Ann' }, 'INPUT_INVALID', /by is "Ann"/],
  [
    'resume',
    'a resumption of what runs',
    { by: 'ann' },
    'RELEASE_STATE',
    /Cannot resume: the release is canary; possible while paused/,
  ],
  ['pause', 'a pause with a NUL', { by: 'ann', reason: '\0' }, 'INPUT_INVALID', /a NUL or half/],
  [
    'extend',
    'more time for a number',
    { by: 'ann', reason: 4 },
    'INPUT_INVALID',
    /reason is a text/,
  ],
  [
    'decide',
    'an answer that nobody asked for',
    { vote: 'approve', by: 'ann' },
    'RELEASE_STATE',
    /Cannot decide: the release is canary/,
  ],
  [
    'decide',
    'a cancellation for an answer',
    { vote: 'cancel', by: 'ann' },
    'INPUT_INVALID',
    /ended by abort; decide takes approve or reject/,
  ],
];

const wrongWords: [door: string, ...Wrong][] = [
  ['breach', 'a breach in a word', 'look', 'INPUT_INVALID', /send one object with reason/],
  [
    'breach',
    'a breach with a key nobody knows',
    { by: 'ann' },
    'INPUT_INVALID',
    /There is no by in this message: it takes reason/,
  ],
  [
    'configure',
    'a duration in words',
    { every: '1h' },
    'INPUT_INVALID',
    /every is "1h": give milliseconds/,
  ],
  ['configure', 'a check every moment', { every: 5 }, 'INPUT_INVALID', /at least 100/],
  ['configure', 'no interval', {}, 'INPUT_INVALID', /every is missing/],
  ['breach', 'a breach with a NUL', { reason: '\0' }, 'INPUT_INVALID', /a NUL or half/],
  ['pause', 'half a character', { by: 'ann', reason: '\udc00' }, 'INPUT_INVALID', /a NUL or half/],
  ['pause', 'a pause of nobody', { reason: 'tired' }, 'INPUT_INVALID', /by is missing/],
  ['retire', 'a retirement by a name', { by: 'Ann' }, 'INPUT_INVALID', /by is "Ann"/],
  [
    'deliveryEnded',
    'half an end',
    { delivery: 1 },
    'INPUT_INVALID',
    /takes \{ delivery, outcome \}/,
  ],
];

const wrongNews: Wrong[] = [
  ['nothing', undefined, 'INPUT_INVALID', /send one object with by, reason/],
  ['nobody', {}, 'INPUT_INVALID', /by is missing/],
  ['a NUL', { by: 'ann', reason: '\0' }, 'INPUT_INVALID', /a NUL or half/],
  [
    'an amount: the budget holds it',
    { by: 'ann', amount: 5 },
    'INPUT_INVALID',
    /There is no amount/,
  ],
];

async function refusalOf(handle: WorkflowHandle, name: string, message: unknown) {
  const sent = handle.executeUpdate<unknown, [unknown]>(name, { args: [message] });
  const { cause } = await failureOf(sent);
  return cause;
}

describe('a delivery that waits refuses', () => {
  let model: string;
  let handle: WorkflowHandle;
  let before: DeliveryState;
  const stateOf = () => handle.query<DeliveryState>(queries.state);
  beforeAll(async () => {
    model = newModel();
    world.script(model, {});
    handle = await world.deliver(model);
    before = await untilOpen(handle);
  });

  test.each(wrongVotes)('%s', async (_name, message, code, says) => {
    expect(await refusalOf(handle, 'decide', message)).toMatchObject({
      type: code,
      message: expect.stringMatching(says) as string,
    });
    expect(await stateOf()).toEqual(before);
  });

  test('the same as signals: they are counted, ask the database nothing, and a good vote still counts', async () => {
    const signals = wrongVotes.filter(([, , code]) => code === 'INPUT_INVALID');
    for (const [, message] of signals) await handle.signal<[unknown]>('decide', message);
    const after = await eventually('all of them counted', async () => {
      const state = await stateOf();
      return state.refusedMessages === signals.length && state;
    });
    expect(after).toEqual({ ...before, refusedMessages: signals.length });
    expect(world.calls(model)).not.toContain('admitDecision');
    await handle.executeUpdate('decide', { args: [yes] });
    expect(((await handle.result()) as DeliveryResult).outcome).toBe('promoted');
  });
});

describe('a training that waits for money', () => {
  const good = { by: 'ann' };
  const news = (handle: WorkflowHandle, message: unknown) =>
    refusalOf(handle, 'budgetExtended', message);

  test('refuses wrong news, counts them as signals, and goes on by good ones; before and after it waits for none', async () => {
    const model = newModel();
    const lacking = { budget: 'team x (month)', limit: '1 EUR', spent: '1 EUR', held: '0 EUR' };
    const more = {
      needs: '1 EUR',
      missing: '1 EUR',
      extend: 'perennial budget extend team x --by 1',
    };
    let paid = false;
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    world.script(model, {
      superviseTraining: async (input) => {
        if (input.attempt > 1) return healthy.superviseTraining(input);
        await begun;
        return { kind: 'failed', error: 'BUDGET_EXCEEDED', code: 143, reason: 'It was stopped.' };
      },
      askForMoney: async () => (paid ? { covered: true } : { covered: false, ...lacking, ...more }),
    });
    const delivery = await world.deliver(model);
    const handle = world.client.workflow.getHandle(workflowId.train(model, 1));
    await eventually('a training', async () => world.calls(model).includes('superviseTraining'));
    expect(await news(handle, good)).toMatchObject({ type: 'MONEY_NOT_AWAITED' });
    begin();
    type TrainingState = { money: object | null; refusedMessages: number };
    const awaited = await eventually('a wait', async () => {
      const state = await handle.query<TrainingState>(queries.state);
      return state.money && state;
    });
    for (const [, message, code, says] of wrongNews)
      expect(await news(handle, message)).toMatchObject({
        type: code,
        message: expect.stringMatching(says) as string,
      });
    for (const [, message] of wrongNews) await handle.signal<[unknown]>('budgetExtended', message);
    const refusedMessages = wrongNews.length;
    const after = await eventually('all of them counted', async () => {
      const state = await handle.query<TrainingState>(queries.state);
      return state.refusedMessages === refusedMessages && state;
    });
    expect(after).toEqual({ ...awaited, refusedMessages });
    paid = true;
    await handle.signal<[unknown]>('budgetExtended', good);
    expect(await handle.result()).toMatchObject({ kind: 'succeeded', attempt: 2 });
    await delivery.executeUpdate('decide', { args: [{ vote: 'cancel', by: 'ann' }] });
    await delivery.result();
  });
});

describe('a canary refuses', () => {
  let model: string;
  let handle: WorkflowHandle;
  let before: ReleaseState;
  const stateOf = () => handle.query<ReleaseState>(queries.state);
  beforeAll(async () => {
    model = newModel();
    world.script(model, { judgeStep: untilCancelled });
    const asked = { model, delivery: 1, version: 2, champion: 1, specDigest: digest };
    handle = await world.client.workflow.start(workflowTypes.releaseModel, {
      workflowId: workflowId.release(model),
      taskQueue: taskQueues.pipeline,
      args: [{ ...asked, requestedBy: 'alice', ...planFor(model).release }],
    });
    before = await eventually('a canary', async () => {
      const state = await stateOf();
      return state.status === 'canary' && state;
    });
  });

  test.each(wrongCommands)('%s: %s', async (act, _name, message, code, says) => {
    expect(await refusalOf(handle, act, message)).toMatchObject({
      type: code,
      message: expect.stringMatching(says) as string,
    });
    expect(await stateOf()).toEqual(before);
  });

  test('a message that there is no door for, and goes on', async () => {
    const refused = await refusalOf(handle, 'explode', { by: 'ann' });
    expect(String(refused)).toMatch(/explode/);
    expect(await stateOf()).toEqual(before);
    await handle.executeUpdate<unknown, [unknown]>('abort', { args: [{ by: 'ann' }] });
    await handle.result();
  });
});

describe('a monitor refuses', () => {
  let handle: WorkflowHandle;
  let before: MonitorState;
  const stateOf = () => handle.query<MonitorState>(queries.state);
  beforeAll(async () => {
    const model = newModel();
    world.script(model, {});
    handle = await world.client.workflow.start(workflowTypes.monitorModel, {
      workflowId: workflowId.monitor(model),
      taskQueue: taskQueues.pipeline,
      args: [{ model }],
    });
    before = await eventually('its first check', async () => {
      const state = await stateOf();
      return state.checks === 1 && state.status === 'waiting' && state;
    });
  });

  test.each(wrongWords)('%s: %s', async (door, _name, message, code, says) => {
    expect(await refusalOf(handle, door, message)).toMatchObject({
      type: code,
      message: expect.stringMatching(says) as string,
    });
    expect(await stateOf()).toEqual(before);
  });

  test('the same as signals: they are counted and wake nobody', async () => {
    for (const [door, , message] of wrongWords) await handle.signal<[unknown]>(door, message);
    const after = await eventually('all of them counted', async () => {
      const state = await stateOf();
      return state.refusedMessages === wrongWords.length && state;
    });
    expect(after).toEqual({ ...before, refusedMessages: wrongWords.length });
    await handle.executeUpdate<unknown, [unknown]>('retire', { args: [{ by: 'ann' }] });
    await handle.result();
  });
});
