import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { workflowId } from '../../contracts/messages.js';
import { createTeam, startLivingStack, type LivingStack } from './living-stack.js';
import { specOf } from '../../scripts/small-world.js';

let living: LivingStack;
beforeAll(async () => {
  living = await startLivingStack();
});
afterAll(() => living.close());

const known = { seed: 'known', rows: 3_000 };

describe('the loop, on real parts', { timeout: 120_000 }, () => {
  test('a first version goes from rows to traffic, with its lineage', async () => {
    const team = createTeam(living, 'good-path');
    await team.land({ ...known, spoil: 5 });
    await team.apply(specOf(team.model));
    const { delivery, gates, checks } = await team.deliverAndApprove();
    expect(delivery).toMatchObject({ outcome: 'promoted', version: 1 });
    expect(gates.every(({ verdict }) => verdict === 'pass')).toBe(true);
    expect(checks.length).toBeGreaterThan(3);
    expect(Object.keys(delivery.seconds)).toEqual(
      expect.arrayContaining(['ingest', 'validate', 'train', 'evaluate']),
    );

    await team.awaitServing();
    const { probabilities, version } = await living.gateway.infer(team.model, [
      { x: 3, kind: 'a' },
      { x: -3, kind: 'b' },
    ]);
    expect(version).toBe('1');
    expect(probabilities[0]).toBeGreaterThan(0.8);
    expect(probabilities[1]).toBeLessThan(0.2);

    const lineage = await living.perennial.lineage(team.model, 1);
    expect(lineage.version.lineage).toMatchObject({
      trainer: 'tabular',
      seed: 1,
      specDigest: delivery.specDigest,
    });
    expect(lineage.snapshot?.manifest.rows).toBe(known.rows);
    expect(lineage.approval?.votes).toMatchObject([{ by: 'anna', vote: 'approve' }]);
    const log = await living.perennial.logs(team.model, 1);
    expect(log.lines.length).toBeGreaterThan(0);

    const worker = living.stack.parts().find(({ name }) => name === 'pipeline')?.address;
    const told = await (await fetch(`${worker}/metrics`)).text();
    expect(told).toMatch(
      /^perennial_activity_seconds_count\{activity="promoteVersion",outcome="ok"\} 1$/m,
    );
    expect(told).toContain('temporal_workflow_task_schedule_to_start_latency_seconds_bucket{');
  });

  test('the same data and spec again give the same snapshot and the same model, bit by bit', async () => {
    const team = createTeam(living, 'same-again');
    await team.land(known);
    await team.apply(
      specOf(team.model, { release: { steps: [0.3], judge: { minimumTime: '1s' } } }),
    );
    await team.deliverAndApprove();
    const again = await team.deliver();
    await team.awaitApproval(again);
    const [first, second] = await Promise.all(
      [1, 2].map((version) => living.perennial.lineage(team.model, version)),
    );
    expect(second?.version.artifact.sha256).toBe(first?.version.artifact.sha256);
    expect(second?.version.lineage.snapshotDigest).toBe(first?.version.lineage.snapshotDigest);
    await living.perennial.cancelDelivery(team.model, { by: 'olive', reason: 'seen enough' });
    expect((await team.awaitOutcome(again)).delivery.outcome).toBe('cancelled');
    expect(await team.champion()).toBe(1);
  });

  test('data that breaks its contract stops the delivery and names rows and reasons', async () => {
    const team = createTeam(living, 'broken-data');
    await team.land({ ...known, spoil: 300 });
    await team.apply(specOf(team.model));
    const { delivery } = await team.awaitOutcome(await team.deliver());
    expect(delivery.outcome).toBe('contract-failed');
    expect(delivery.explanation).toMatch(/300 of 3,000 rows \(10 %\) went to quarantine/);
    expect(delivery.explanation).toMatch(/\bx\b/);
    expect(await team.champion()).toBeNull();
  });

  test('a trainer that fails ends the delivery with its own sentence', async () => {
    const team = createTeam(living, 'broken-trainer');
    await team.land(known);
    await team.apply(
      specOf(team.model, { training: { trainer: 'tabular', parameters: { trees: 'many' } } }),
    );
    const { delivery } = await team.awaitOutcome(await team.deliver());
    expect(delivery.outcome).toBe('training-failed');
    expect(delivery.explanation).toMatch(/trees/);
  });

  test('a version below the bar is never offered to a person', async () => {
    const team = createTeam(living, 'high-bar');
    await team.land(known);
    await team.apply(
      specOf(team.model, {
        evaluation: { bars: { roc_auc: { atLeast: 0.999 } }, minimumRows: 200 },
      }),
    );
    const { delivery, approval } = await team.awaitOutcome(await team.deliver());
    expect(delivery.outcome).toBe('gate-failed');
    expect(approval).toBeNull();
  });

  test('forged evidence, the requester and strangers are refused, a rejection ends it', async () => {
    const team = createTeam(living, 'contested');
    await team.land(known);
    await team.apply(specOf(team.model, { approval: { approvers: ['anna', 'olive'] } }));
    const runId = await team.deliver();
    const { approval } = await team.awaitApproval(runId);
    const evidence = approval?.evidence ?? '';
    const vote = (by: string, digest: string) =>
      living.perennial.approve(team.model, { by, evidence: digest }).then(
        ({ code }) => code,
        (error: { code: string }) => error.code,
      );
    expect(
      await vote(
        'anna',
        evidence.replace(/^./, (digit) => (digit === '0' ? '1' : '0')),
      ),
    ).toBe('EVIDENCE_MISMATCH');
    expect(await vote('olive', evidence)).toBe('SELF_APPROVAL');
    expect(await vote('mallory', evidence)).toBe('NOT_AN_APPROVER');
    expect((await living.perennial.showModel(team.model)).approval?.standing).toBe('open');
    await living.perennial.reject(team.model, { by: 'anna', reason: 'not on a Friday', evidence });
    const { delivery } = await team.awaitOutcome(runId);
    expect(delivery.outcome).toBe('rejected');
    expect(delivery.explanation).toMatch(/not on a Friday/);
    expect(await team.champion()).toBeNull();
  });

  test('an approval that nobody gives expires', async () => {
    const team = createTeam(living, 'unanswered');
    await team.land(known);
    await team.apply(
      specOf(team.model, {
        approval: { remindAfter: '500ms', escalateAfter: '1s', expireAfter: '2s' },
      }),
    );
    expect((await team.awaitOutcome(await team.deliver())).delivery.outcome).toBe('expired');
  });

  test('a canary that fails on real traffic is rolled back, and the champion keeps it all', async () => {
    const team = createTeam(living, 'bad-canary');
    await team.land(known);
    await team.apply(specOf(team.model));
    await team.deliverAndApprove();
    await team.awaitServing();
    await team.apply(
      specOf(team.model, {
        training: {
          trainer: 'tabular',
          parameters: { trees: 20, leaves: 7, unseen_categories: 'error' },
        },
      }),
    );
    const runId = await team.deliver();
    await team.approve(runId);
    let ended = false;
    const outcome = team.awaitOutcome(runId).finally(() => {
      ended = true;
    });
    for (let round = 0; !ended; round += 1) {
      await team.ask(
        { seed: `new-kinds-${round}`, rows: 50, kinds: ['a', 'b', 'new'] },
        { labels: false },
      );
    }
    const { delivery, release } = await outcome;
    expect(delivery.outcome).toBe('rolled-back');
    expect(release?.lastJudgement?.recommendation).toBe('rollback');
    const { champion, route } = await living.perennial.showModel(team.model);
    expect(champion).toBe(1);
    expect(route?.arms).toMatchObject([{ version: 1, share: 1, role: 'champion' }]);
  });

  test('a quiet monitor starts nothing, an alarmed one starts one retraining however often it is woken', async () => {
    const team = createTeam(living, 'watched');
    await team.land(known);
    await team.apply(
      specOf(team.model, { approval: { automaticWhen: 'candidate.roc_auc > 0.6' } }),
    );
    expect((await team.awaitOutcome(await team.deliver())).delivery.outcome).toBe('promoted');
    await team.awaitServing();

    const monitor = living.temporal.client.workflow.getHandle(workflowId.monitor(team.model));
    /** The first after that check which had rows to judge; whatever woke the monitor. */
    const reportAfter = (check: number) =>
      vi.waitUntil(
        async () => {
          const { reports } = await living.perennial.drift(team.model);
          return reports.findLast((report) => report.check > check && report.rows > 0) ?? false;
        },
        { timeout: 30_000, interval: 200 },
      );
    const breach = () => monitor.signal('breach', { reason: 'look now' });
    const untilCounted = (rows: number) =>
      vi.waitUntil(
        async () => {
          const { rows: found } = await living.database.pool.query<{ n: string }>(
            `SELECT coalesce(sum((counts->>'requests')::int), 0) AS n FROM window_count WHERE model = $1`,
            [team.model],
          );
          return Number(found[0]?.n) >= rows;
        },
        { timeout: 20_000, interval: 100 },
      );

    const alike = { seed: 'alike', rows: 400, startsAt: '2026-02-01T00:00:00Z' };
    await team.ask(alike);
    await untilCounted(400);
    await breach();
    const quiet = await reportAfter(0);
    expect(quiet.decision.action).not.toBe('retrain');
    expect(await living.perennial.listDeliveries(team.model)).toHaveLength(1);

    await team.ask({ seed: 'shifted', rows: 400, shift: 2, startsAt: '2026-02-10T00:00:00Z' });
    await untilCounted(800);
    await Promise.all(Array.from({ length: 30 }, breach));
    const alarmed = await reportAfter(quiet.check);
    expect(alarmed.verdict).toBe('fail');
    await vi.waitUntil(
      async () => (await living.perennial.listDeliveries(team.model)).length >= 2,
      { timeout: 30_000, interval: 200 },
    );
    const deliveries = await living.perennial.listDeliveries(team.model);
    expect(deliveries).toHaveLength(2);
    expect(deliveries[0]).toMatchObject({ requestedBy: 'perennial:monitor', number: 2 });
  });
});
