import { WorkflowNotFoundError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ApprovalView } from '../../contracts/approval.js';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import type { DeliveryDetail } from '../../contracts/overview.js';
import { standingOf } from '../../cli/evidence-view.js';
import { planFor } from '../../scripts/healthy-model.js';
import { eventually } from '../workflows/world.js';
import { startLivingApi, type LivingApi } from './living-api.js';
import { applicationOf, digest } from './remembered.js';

let living: LivingApi;
beforeAll(async () => {
  living = await startLivingApi();
});
afterAll(() => living.end());

/** Applies a spec for a model of this test alone: bob approves, one canary step. */
async function apply(
  model: string,
  change: (text: string) => string = (text) => text,
): Promise<void> {
  await living.perennial.apply(
    applicationOf(model, (text) =>
      change(
        text.replace('approvers: []', 'approvers: [bob]').replace('[0.05, 0.1, 0.25]', '[0.25]'),
      ),
    ),
  );
}

function untilAwaited(model: string): Promise<ApprovalView> {
  return eventually(
    'an open approval',
    async () => (await living.perennial.showModel(model)).approval,
  );
}

async function watchToEnd(model: string, runId: string): Promise<DeliveryDetail[]> {
  const seen: DeliveryDetail[] = [];
  for await (const detail of living.perennial.watch(model, { runId, every: 50 })) seen.push(detail);
  return seen;
}

/** Delivers and approves one version; a later one waits in its canary step while the judge is held. */
async function deliverApproved(model: string): Promise<string> {
  const { runId } = await living.perennial.startDelivery({ model, requestedBy: 'ada' });
  const { evidence } = await untilAwaited(model);
  await living.perennial.approve(model, { by: 'bob', reason: 'good numbers', evidence });
  return runId;
}

/** A canary whose workflow Temporal has forgotten, as it does with all of them when its data are lost. */
async function loseCanary(
  model: string,
  release: { version: number; champion: number },
): Promise<void> {
  living.judgeSays(null);
  const { client, namespace } = living.namespace;
  const { specDigest } = await living.perennial.showModel(model);
  const handle = await client.workflow.start(workflowTypes.releaseModel, {
    workflowId: workflowId.release(model),
    taskQueue: taskQueues.pipeline,
    args: [
      {
        model,
        delivery: release.version,
        ...release,
        specDigest,
        requestedBy: 'ada',
        ...planFor(model, [0.1]).release,
      },
    ],
  });
  await eventually(
    'the canary',
    async () => (await living.perennial.showModel(model)).route?.arms.length === 3,
  );
  await client.workflowService.deleteWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: handle.workflowId },
  });
  await eventually('its loss', () =>
    handle.describe().then(
      () => false,
      (error: unknown) => error instanceof WorkflowNotFoundError,
    ),
  );
}

describe('a delivery through the API', () => {
  test('is started, watched, approved by its evidence and promoted', async () => {
    await apply('born');
    const { perennial } = living;
    const started = await perennial.startDelivery({ model: 'born', requestedBy: 'ada' });
    expect(started).toMatchObject({ workflowId: 'deliver/born', joined: false });
    const watching = watchToEnd('born', started.runId);
    const { evidence, version } = await untilAwaited('born');
    expect((await perennial.listApprovals()).map(({ model }) => model)).toContain('born');

    const reason = 'good numbers';
    await expect(
      perennial.approve('born', { by: 'bob', reason, evidence: digest('f') }),
    ).rejects.toMatchObject({ code: 'EVIDENCE_MISMATCH' });
    await expect(perennial.approve('born', { by: 'ada', reason, evidence })).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_APPROVAL|NOT_AN_APPROVER/) as string,
    });
    await expect(perennial.approve('born', { by: 'eve', reason, evidence })).rejects.toMatchObject({
      code: 'NOT_AN_APPROVER',
    });
    const vote = { by: 'bob', reason, evidence, idempotencyKey: 'once' };
    expect(await perennial.approve('born', vote)).toMatchObject({
      admitted: true,
      standing: 'approved',
    });

    const seen = await watching;
    expect(seen.at(-1)?.delivery).toMatchObject({ outcome: 'promoted', version });
    expect(seen.some((each) => each.approval?.standing === 'open')).toBe(true);
    expect((await perennial.lineage('born', version)).approval?.votes).toMatchObject([
      { by: 'bob', reason },
    ]);
    expect((await perennial.showModel('born')).champion).toBe(version);
    await expect(perennial.approve('born', { by: 'bob', reason, evidence })).rejects.toMatchObject({
      code: 'APPROVAL_NOT_OPEN',
    });
  });

  test('tells what it fails at and tries again, and nothing of it once that is over', async () => {
    await apply('troubled');
    const { perennial } = living;
    living.engineAway('The engine is away.');
    const { runId } = await perennial.startDelivery({ model: 'troubled', requestedBy: 'ada' });
    const watching = watchToEnd('troubled', runId);
    const troubled = await eventually('a failure that is told', async () => {
      const detail = await perennial.showDelivery('troubled', 1).catch(() => null);
      return detail?.failing?.message === 'The engine is away.' && detail;
    });
    expect(troubled.failing).toMatchObject({ activity: 'superviseTraining' });
    expect(standingOf(troubled)).toMatch(
      /^failed \d+ times? and tries again: The engine is away\.$/,
    );
    living.engineAway(null);
    const { evidence } = await untilAwaited('troubled');
    await perennial.approve('troubled', { by: 'bob', reason: 'good numbers', evidence });
    const end = (await watching).at(-1);
    expect(end).toMatchObject({ delivery: { outcome: 'promoted' } });
    expect(end?.failing).toBeUndefined();
  });

  test('that is asked for again is joined, refused or superseded', async () => {
    await apply('asked');
    const { perennial } = living;
    const first = await perennial.startDelivery({ model: 'asked', requestedBy: 'ada' });
    await untilAwaited('asked');
    const again = await perennial.startDelivery({ model: 'asked', requestedBy: 'carol' });
    expect(again).toEqual({ ...first, joined: true });

    const window = { from: '2001-01-01T00:00:00Z', to: '2001-02-01T00:00:00Z' };
    const unequal = perennial.startDelivery({ model: 'asked', requestedBy: 'carol', window });
    await expect(unequal).rejects.toMatchObject({
      code: 'DELIVERY_IN_PROGRESS',
      message: expect.stringMatching(
        /Delivery 1 of 'asked' is in stage 'approve'; it waits for the decision of bob, and it was asked for another spec or window/,
      ) as string,
    });
    const refused = perennial.startDelivery({
      model: 'asked',
      requestedBy: 'carol',
      ifRunning: 'refuse',
    });
    await expect(refused).rejects.toMatchObject({ code: 'DELIVERY_IN_PROGRESS' });

    const second = await perennial.startDelivery({
      model: 'asked',
      requestedBy: 'carol',
      window,
      ifRunning: 'supersede',
    });
    expect(second.runId).not.toBe(first.runId);
    await untilAwaited('asked');
    const [newest, oldest] = await perennial.listDeliveries('asked');
    expect(oldest).toMatchObject({ number: 1, outcome: 'cancelled' });
    expect(newest).toMatchObject({ number: 2, requestedBy: 'carol', outcome: null });
    expect((await perennial.showDelivery('asked', 1)).approval?.standing).toBe('withdrawn');

    expect(
      await perennial.cancelDelivery('asked', { by: 'carol', reason: 'enough' }),
    ).toMatchObject({ standing: 'cancelled' });
    expect((await watchToEnd('asked', second.runId)).at(-1)?.delivery.outcome).toBe('cancelled');
  });

  test('is rejected with its reason', async () => {
    await apply('rejected');
    const { runId } = await living.perennial.startDelivery({
      model: 'rejected',
      requestedBy: 'ada',
    });
    const { evidence } = await untilAwaited('rejected');
    await living.perennial.reject('rejected', { by: 'bob', reason: 'slices look odd', evidence });
    const last = (await watchToEnd('rejected', runId)).at(-1);
    expect(last?.delivery.outcome).toBe('rejected');
    expect(last?.delivery.explanation).toContain('slices look odd');
  });
});

describe('a release through the API', () => {
  test('is paused, resumed, promoted by a person, and rolled back', async () => {
    await apply('moved');
    const { perennial } = living;
    living.judgeSays('promote');
    await watchToEnd('moved', await deliverApproved('moved'));
    living.judgeSays(null);
    const runId = await deliverApproved('moved');
    await eventually(
      'the canary step',
      async () => (await perennial.showModel('moved')).release?.status === 'canary',
    );
    const by = { by: 'ada', reason: 'by hand' };

    await expect(perennial.resume('moved', by)).rejects.toMatchObject({ code: 'RELEASE_STATE' });
    expect(await perennial.extend('moved', by)).toMatchObject({ status: 'canary' });
    expect(await perennial.pause('moved', by)).toMatchObject({ status: 'paused' });
    expect((await perennial.showModel('moved')).release?.status).toBe('paused');
    for (const [to, code] of [
      [2, 'RELEASE_STATE'],
      [9, 'VERSION_NOT_FOUND'],
    ] as const)
      await expect(perennial.rollback('moved', { ...by, to })).rejects.toMatchObject({ code });
    expect(await perennial.resume('moved', by)).toMatchObject({ status: 'canary' });
    await perennial.promote('moved', by);
    expect((await watchToEnd('moved', runId)).at(-1)?.delivery).toMatchObject({
      outcome: 'promoted',
      version: 2,
    });

    const back = await perennial.rollback('moved', { by: 'ada', reason: 'complaints' });
    expect(back).toMatchObject({ from: 2, to: 1, outcome: 'promoted' });
    const moved = await perennial.showModel('moved');
    expect(moved.champion).toBe(1);
    expect(moved.route?.arms).toEqual([{ version: 1, share: 1, role: 'champion' }]);
    await expect(perennial.pause('moved', by)).rejects.toMatchObject({ code: 'RELEASE_NOT_FOUND' });
    const steered = await perennial.audit({ model: 'moved', delivery: 2, actor: 'ada' });
    expect(steered.map(({ action }) => action)).toEqual([
      'delivery.opened',
      'version.registered',
      'release.opened',
      'release.extended',
      'release.paused',
      'release.resumed',
      'version.promoted',
    ]);
  });

  test('is ended by a rollback: its champion, or the version named, has all traffic', async () => {
    await apply('ended');
    const { perennial } = living;
    const released = async (says: 'promote' | null) => {
      living.judgeSays(says);
      const runId = await deliverApproved('ended');
      if (says === 'promote') return watchToEnd('ended', runId);
      await eventually(
        'the canary step',
        async () => (await perennial.showModel('ended')).release?.status === 'canary',
      );
      return runId;
    };
    for (const _ of [1, 2]) await released('promote');
    const all = (version: number) => [{ version, share: 1, role: 'champion' }];

    await released(null);
    const back = await perennial.rollback('ended', { by: 'ada', reason: 'complaints' });
    expect(back).toMatchObject({ ended: { version: 3 }, from: 3, to: 2, outcome: 'aborted' });
    expect(back.explanation).toBe('abort by ada: rollback: complaints');
    expect((await perennial.showModel('ended')).route?.arms).toEqual(all(2));
    const again = await perennial.rollback('ended', { by: 'ada', reason: 'complaints' });
    expect(again).toMatchObject({ ended: null, from: 3, to: 2, runId: null, outcome: 'unchanged' });
    expect(again.explanation).toContain('`perennial rollback ended --from 2`');
    expect((await perennial.showModel('ended')).route?.arms).toEqual(all(2));
    const done = await perennial.audit({ model: 'ended', delivery: 3, actor: 'ada' });
    expect(done.at(-1)).toMatchObject({ action: 'release.aborted', subject: 'ended v3' });

    await eventually(
      'the end of the delivery',
      async () => (await perennial.showModel('ended')).delivery?.outcome === 'rolled-back',
    );
    await released(null);
    expect(await perennial.rollback('ended', { by: 'ada', reason: 'worse', to: 1 })).toMatchObject({
      ended: { version: 4, outcome: 'aborted' },
      from: 2,
      to: 1,
      outcome: 'promoted',
    });
    expect((await perennial.showModel('ended')).route?.arms).toEqual(all(1));
    for (const request of [{}, { to: 1 }, { from: 4 }])
      expect(
        await perennial.rollback('ended', { by: 'ada', reason: 'worse', ...request }),
      ).toMatchObject({ to: 1, outcome: 'unchanged' });
    await expect(
      perennial.rollback('ended', { by: 'ada', reason: 'worse', from: 1 }),
    ).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' });
    await loseCanary('ended', { version: 2, champion: 1 });
    expect((await perennial.showModel('ended')).route?.arms).toHaveLength(3);
    const found = await perennial.rollback('ended', { by: 'ada', reason: 'lost' });
    expect(found).toMatchObject({ ended: { version: 2 }, from: 2, to: 1, outcome: 'aborted' });
    expect((await perennial.showModel('ended')).route?.arms).toEqual(all(1));
    const restored = (await perennial.audit({ model: 'ended', actor: 'ada' })).slice(-2);
    expect(restored.map(({ action }) => action)).toEqual(['route.restored', 'release.aborted']);
    expect((await perennial.showRelease('ended')).endedAt).not.toBeNull();
    const twice = await perennial.rollback('ended', { by: 'ada', reason: 'lost' });
    expect(twice).toMatchObject({ from: 2, to: 1, outcome: 'unchanged' });
  });

  test('that asks a person is answered', async () => {
    await apply('unsure');
    const { perennial } = living;
    living.judgeSays('promote');
    await watchToEnd('unsure', await deliverApproved('unsure'));
    living.judgeSays('ask');
    const runId = await deliverApproved('unsure');
    await eventually(
      'the question',
      async () => (await perennial.showModel('unsure')).release?.status === 'waiting',
    );
    await perennial.decideRelease('unsure', { vote: 'reject', by: 'bob', reason: 'not convinced' });
    expect((await watchToEnd('unsure', runId)).at(-1)?.delivery.outcome).toBe('rolled-back');
    expect((await perennial.showModel('unsure')).champion).toBe(1);
  });
});

test('a retired model stops being watched, refuses deliveries, and comes back by applying', async () => {
  await apply('tired');
  const { perennial } = living;
  living.judgeSays('promote');
  await watchToEnd('tired', await deliverApproved('tired'));
  const by = { by: 'ada', reason: 'holidays' };
  expect(await perennial.pauseMonitor('tired', by)).toMatchObject({ status: 'paused' });
  expect(await perennial.showMonitor('tired')).toMatchObject({ paused: true });
  expect(await perennial.resumeMonitor('tired', by)).toMatchObject({ model: 'tired' });
  expect(await perennial.configureMonitor('tired', { ...by, every: '2h' })).toMatchObject({
    model: 'tired',
  });
  expect(await perennial.showMonitor('tired')).toMatchObject({
    every: 7_200_000,
    everyOverride: 7_200_000,
  });
  await perennial.configureMonitor('tired', { ...by, every: null });
  expect(await perennial.showMonitor('tired')).toMatchObject({ everyOverride: null });
  for (const every of ['500ms', '9999d', 'often'])
    await expect(perennial.configureMonitor('tired', { ...by, every })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
  expect(await perennial.retire('tired', { by: 'ada', reason: 'replaced' })).toMatchObject({
    monitorStopped: true,
    answering: 1,
    offAirAt: null,
  });
  expect((await perennial.showModel('tired')).route?.arms).toHaveLength(1);
  await expect(
    perennial.startDelivery({ model: 'tired', requestedBy: 'ada' }),
  ).rejects.toMatchObject({ code: 'MODEL_RETIRED' });
  await eventually('the end of the monitor', () =>
    perennial.showMonitor('tired').then(
      () => false,
      (error: { code?: string }) => error.code === 'MONITOR_NOT_FOUND',
    ),
  );
  const offAir = { ...by, offAir: true };
  expect(await perennial.retire('tired', offAir)).toMatchObject({ answering: null });
  expect(await perennial.showModel('tired')).toMatchObject({ route: null, champion: 1 });
  await expect(perennial.rollback('tired', { ...by, to: 1 })).rejects.toMatchObject({
    code: 'MODEL_RETIRED',
  });
  // Retired once more it stays off the air.
  const { offAirAt } = await perennial.retire('tired', by);
  expect(offAirAt).not.toBeNull();
  await apply('tired');
  const back = await perennial.showModel('tired');
  expect(back).toMatchObject({ retiredAt: null, offAirAt: null, champion: 1 });
  expect(back.route?.arms).toHaveLength(1);
  expect(await perennial.showMonitor('tired')).toMatchObject({ paused: false });
  const acts = await eventually('the records of its monitors', async () => {
    const entries = await perennial.audit({ model: 'tired', actor: 'ada' });
    const found = entries.filter(({ action }) => action.startsWith('monitor.'));
    return found.length >= 5 && found.map(({ action }) => action);
  });
  expect(acts).toEqual([
    'monitor.paused',
    'monitor.resumed',
    'monitor.configured',
    'monitor.configured',
    'monitor.retired',
  ]);
  const done = (await perennial.audit({ model: 'tired' })).map(({ action }) => action);
  expect(done.filter((action) => action.startsWith('model.'))).toEqual([
    'model.retired',
    'model.taken-off-air',
  ]);
});

test('the status tells what goes on', async () => {
  expect(await living.perennial.status()).toMatchObject({ ok: true, temporal: { ok: true } });
});
