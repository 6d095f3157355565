/** What people and machines do when nobody answers fast enough: they say it again. The real database counts what came of it. */
import type { WorkflowHandle } from '@temporalio/client';
import { sql, type SQL } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDelivery } from '../../client/temporal.js';
import { workflowId } from '../../contracts/messages.js';
import type { MonitorState, ReleaseState } from '../../contracts/states.js';
import { firstBrokenAuditEntry } from '../../db/audit.js';
import { randomFrom } from '../../statistics/random.js';
import { eventually, untilOpen } from '../workflows/world.js';
import { startLivingApi, type LivingApi } from './living-api.js';
import { applicationOf } from './remembered.js';

let living: LivingApi;
beforeAll(async () => {
  living = await startLivingApi();
});
afterAll(() => living.end());

const handleOf = (id: string): WorkflowHandle => living.namespace.client.workflow.getHandle(id);
const rows = async (query: SQL) => (await living.database.db.execute(query)).rows;

/** A model that bob and carol approve together, with one canary step, and with its first version promoted. */
async function served(model: string): Promise<void> {
  const { perennial } = living;
  await perennial.apply(
    applicationOf(model, (text) =>
      text
        .replace('approvers: []', 'approvers: [bob, carol]')
        .replace('quorum: 1', 'quorum: 2')
        .replace('[0.05, 0.1, 0.25]', '[0.25]'),
    ),
  );
  await perennial.startDelivery({ model, requestedBy: 'ada' });
  await approve(model);
  expect(await handleOf(workflowId.deliver(model)).result()).toMatchObject({ outcome: 'promoted' });
}

async function approve(model: string): Promise<void> {
  const { approval } = await untilOpen(handleOf(workflowId.deliver(model)));
  const evidence = approval?.evidence ?? '';
  for (const by of ['bob', 'carol']) await living.perennial.approve(model, { by, evidence });
}

function shuffled<T>(items: readonly T[], seed: string): T[] {
  const random = randomFrom(seed);
  return items
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

describe('a hundred duplicated, reordered approvals and promotions', () => {
  const model = 'stormed';
  const act = { by: 'ada', reason: 'now' };

  /** Each of bob's and carol's votes and of ada's promotions by every way there is, again and again, some under one id. */
  function messages(evidence: string, round: string): (() => Promise<unknown>)[] {
    const delivery = handleOf(workflowId.deliver(model));
    const release = handleOf(workflowId.release(model));
    return Array.from({ length: 25 }, (_, each) => {
      const by = each % 2 === 0 ? 'bob' : 'carol';
      const vote = { vote: 'approve', by, reason: 'fine', evidence } as const;
      const updateId = each % 5 === 0 ? `${round}/${each}` : `the vote of ${by}`;
      return [
        () => delivery.signal('decide', vote),
        () => delivery.executeUpdate('decide', { args: [vote], updateId }),
        () => release.signal('promote', act),
        () => release.executeUpdate('promote', { args: [act], updateId: `promote/${each % 3}` }),
      ];
    }).flat();
  }

  test('give one vote a person, one promotion, one move of the route, one entry each', async () => {
    await served(model);
    living.judgeSays(null);
    await living.perennial.startDelivery({ model, requestedBy: 'ada' });
    const delivery = handleOf(workflowId.deliver(model));
    const evidence = (await untilOpen(delivery)).approval?.evidence ?? '';
    const send = (round: string) =>
      Promise.allSettled(shuffled(messages(evidence, round), round).map((each) => each()));

    await send('while it waits for votes');
    await eventually('the canary', async () => {
      const release = handleOf(workflowId.release(model));
      const { version, status } = await release.query<ReleaseState>('state');
      return version === 2 && (status === 'canary' || status === 'promoted');
    });
    await send('while it waits for the judge');
    expect(await delivery.result()).toMatchObject({ outcome: 'promoted', version: 2 });
    await send('after it has ended');

    const votes = await rows(
      sql`SELECT by, vote FROM vote WHERE model = ${model} AND delivery = 2 ORDER BY by`,
    );
    expect(votes).toEqual([
      { by: 'bob', vote: 'approve' },
      { by: 'carol', vote: 'approve' },
    ]);
    const acts = await rows(
      sql`SELECT act FROM route WHERE model = ${model} AND act LIKE 'delivery/2/%' ORDER BY revision`,
    );
    expect(acts).toMatchObject([
      { act: expect.stringMatching(/step\/1@/) as string },
      { act: expect.stringMatching(/promote@/) as string },
    ]);
    expect(
      await rows(sql`SELECT status FROM release WHERE model = ${model} AND version = 2`),
    ).toEqual([{ status: 'promoted' }]);
    const entries = await rows(sql`
      SELECT action, count(*)::int AS n FROM audit_entry
      WHERE subject IN (${`${model}/2`}, ${`${model} v2`}) AND action IN ('decision.approve', 'version.promoted', 'release.opened', 'route.moved')
      GROUP BY action ORDER BY action`);
    expect(entries).toEqual([
      { action: 'decision.approve', n: 2 },
      { action: 'release.opened', n: 1 },
      { action: 'route.moved', n: 1 },
      { action: 'version.promoted', n: 1 },
    ]);
    const notices = await rows(sql`
      SELECT type, count(*)::int AS n FROM outbox
      WHERE subject IN (${`${model}/2`}, ${`${model} v2`}) AND type IN ('approval.approved', 'version.promoted')
      GROUP BY type ORDER BY type`);
    expect(notices).toEqual([
      { type: 'approval.approved', n: 1 },
      { type: 'version.promoted', n: 1 },
    ]);
    expect(await firstBrokenAuditEntry(living.database.db)).toBeNull();
  }, 120_000);

  test('leave each message one answer, however often it came', async () => {
    const answered = await rows(
      sql`SELECT message_id AS id, answer->>'admitted' AS admitted FROM admission WHERE model = ${model} AND delivery = 2`,
    );
    const admitted = answered.filter((each) => each['admitted'] === 'true');
    expect(admitted).toHaveLength(2);
    expect(new Set(answered.map(({ id }) => id)).size).toBe(answered.length);
    console.info(`votes that were weighed: ${answered.length}`);
  });
});

describe('a retraining that a monitor started', () => {
  const retraining = { trigger: 'drift', reason: 'Inputs moved away.' } as const;
  const window = { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' };
  const monitorOf = (model: string) =>
    handleOf(workflowId.monitor(model)).query<MonitorState>('state');
  const deliveriesOf = async (model: string) =>
    rows(
      sql`SELECT number, trigger, requested_by AS by, outcome FROM delivery WHERE model = ${model} AND number > 1 ORDER BY number`,
    );
  const drift = { number: 2, trigger: 'drift', by: 'perennial:monitor' };

  /** A served model whose monitor finds reason to retrain as soon as it is told of a breach; the retraining awaits votes. */
  async function retrained(model: string): Promise<string> {
    living.judgeSays('promote');
    living.monitorFinds(null);
    await served(model);
    await eventually('its first check', async () => (await monitorOf(model)).checks === 1);
    living.monitorFinds(retraining);
    await handleOf(workflowId.monitor(model)).signal('breach', { reason: 'errors' });
    await eventually('the retraining', async () => (await monitorOf(model)).retrainings === 1);
    const delivery = handleOf(workflowId.deliver(model));
    await untilOpen(delivery);
    return (await delivery.describe()).runId;
  }

  test('is what a person joins who asks for the same', async () => {
    const runId = await retrained('joined');
    const human = { model: 'joined', requestedBy: 'ada', ifRunning: 'join' } as const;
    expect(await living.perennial.startDelivery(human)).toMatchObject({ runId, joined: true });
    await expect(living.perennial.startDelivery({ ...human, window })).rejects.toMatchObject({
      code: 'DELIVERY_IN_PROGRESS',
      message: expect.stringContaining('another spec or window') as string,
    });
    expect(await deliveriesOf('joined')).toEqual([{ ...drift, outcome: null }]);
  });

  test('refuses a person with its stage and with who is awaited, at the API and at the native door', async () => {
    await retrained('refused');
    const human = { model: 'refused', requestedBy: 'ada' };
    const refused = {
      code: 'DELIVERY_IN_PROGRESS',
      message: expect.stringMatching(/bob, carol/) as string,
    };
    await expect(
      living.perennial.startDelivery({ ...human, ifRunning: 'refuse' }),
    ).rejects.toMatchObject(refused);
    await expect(
      startDelivery(living.namespace.client, human, { ifRunning: 'refuse' }),
    ).rejects.toMatchObject(refused);
    expect(await deliveriesOf('refused')).toEqual([{ ...drift, outcome: null }]);
  });

  test('gives way to a person who supersedes it: its evidence is withdrawn, and the monitor does not insist', async () => {
    const model = 'superseded';
    const runId = await retrained(model);
    await handleOf(workflowId.monitor(model)).signal('breach', { reason: 'again' });
    await eventually('an armed monitor', async () => (await monitorOf(model)).armed);
    // What the real check would find: the cooldown.
    living.monitorFinds(null);
    const human = { model, requestedBy: 'ada', ifRunning: 'supersede' } as const;
    const second = await living.perennial.startDelivery(human);
    expect(second.joined).toBe(false);
    expect(second.runId).not.toBe(runId);
    expect((await living.perennial.showDelivery(model, 2)).approval?.standing).toBe('withdrawn');
    await eventually('a disarmed monitor', async () => !(await monitorOf(model)).armed);
    await approve(model);
    expect(await handleOf(workflowId.deliver(model)).result()).toMatchObject({
      delivery: 3,
      outcome: 'promoted',
    });
    expect(await deliveriesOf(model)).toEqual([
      { ...drift, outcome: 'cancelled' },
      { number: 3, trigger: 'manual', by: 'ada', outcome: 'promoted' },
    ]);
    expect((await monitorOf(model)).retrainings).toBe(1);
  });

  test('is one, though a thousand breaches are reported', async () => {
    const model = 'breached';
    const runId = await retrained(model);
    const monitor = handleOf(workflowId.monitor(model));
    const report = (number: number) => monitor.signal('breach', { reason: `breach ${number}` });
    await Promise.all(Array.from({ length: 999 }, (_, each) => report(each)));
    await eventually('a quiet monitor', async () => {
      const { status, breached } = await monitorOf(model);
      return status === 'waiting' && !breached;
    });
    const { retrainings, armed, checks } = await monitorOf(model);
    console.info(`a thousand breaches were worth ${checks} checks`);
    expect({ retrainings, armed }).toEqual({ retrainings: 1, armed: true });
    expect(checks).toBeLessThan(100);

    living.monitorFinds(null);
    await living.perennial.cancelDelivery(model, { by: 'ada', reason: 'seen' });
    await eventually('a disarmed monitor', async () => !(await monitorOf(model)).armed);
    expect(await deliveriesOf(model)).toEqual([{ ...drift, outcome: 'cancelled' }]);
    expect(
      (await handleOf(workflowId.deliver(model)).describe()).raw.workflowExecutionInfo?.firstRunId,
    ).toBe(runId);
  });
});
