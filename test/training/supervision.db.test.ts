import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq } from 'drizzle-orm';
import { afterAll, describe, expect, it } from 'vitest';
import { createTrainingSupervision } from '../../activities/training/supervise.js';
import { PerennialError } from '../../contracts/errors.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import { supervision, type Supervision, type TrainingOutcome } from '../../contracts/training.js';
import { auditEntry } from '../../db/schema/audit.js';
import { trainingRun } from '../../db/schema/training.js';
import { recordLog, recordMetrics } from '../../db/training/training.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import { keptLogBytes } from '../../training/file-lines.js';
import { untilExited } from './backend-conformance.js';
import { trainingLogs, trainingMetrics } from './recorded.js';
import { openWorkplace } from './workplace.js';

const quiet = new DefaultLogger('ERROR');

const place = await openWorkplace();
const { fresh, artifacts, folder, backend, attempts, open, linesOf } = place;
const watching = { backend, log: silentLog, clock: systemClock, pollEvery: 20 };
const activities = createTrainingSupervision({ db: fresh.db, artifacts, ...watching });
afterAll(() => place.close());

describe('Supervising a training', () => {
  /** One activity task: its result, its heartbeats, and a hand on its cancellation. */
  const begin = (input: SuperviseTrainingInput, heartbeatDetails?: Supervision) => {
    const environment = new MockActivityEnvironment({ heartbeatDetails }, { logger: quiet });
    const beats: Supervision[] = [];
    const waiting: (() => void)[] = [];
    environment.on('heartbeat', (details: unknown) => {
      const parsed = supervision.safeParse(details);
      if (parsed.success) beats.push(parsed.data);
      for (const wake of waiting.splice(0)) wake();
    });
    const result = environment.run<
      [SuperviseTrainingInput],
      TrainingOutcome,
      typeof activities.superviseTraining
    >(activities.superviseTraining, input);
    const untilBeat = async (when: (beat: Supervision) => boolean) => {
      while (!beats.some(when)) await new Promise<void>((wake) => waiting.push(wake));
    };
    return { result, beats, untilBeat, cancel: environment.cancel };
  };
  const run = (input: SuperviseTrainingInput): Promise<TrainingOutcome> => begin(input).result;
  const rowOf = async ({ key }: SuperviseTrainingInput) => {
    const [row] = await fresh.db.select().from(trainingRun).where(eq(trainingRun.key, key));
    return row;
  };

  it('ends with the kept model, its metrics and its words', async () => {
    const input = await open('say=hello step=1 step=2 succeed');
    const { result, beats } = begin(input);
    const outcome = await result;
    expect(outcome).toMatchObject({
      kind: 'succeeded',
      metrics: { loss: 0.5 },
      environment: 'sha256:none',
    });
    if (outcome.kind !== 'succeeded') return;
    expect(await artifacts.has(outcome.model.sha256)).toBe(true);
    expect(await artifacts.readJson(outcome.manifest)).toMatchObject({ model: 'model.onnx' });
    expect(await linesOf(input)).toEqual(['hello']);
    expect(await trainingMetrics(fresh.db, input.model, 1)).toEqual([
      { attempt: 1, name: 'loss', step: 1, value: 1 / 2 },
      { attempt: 1, name: 'loss', step: 2, value: 1 / 3 },
    ]);
    expect(beats.at(-1)).toMatchObject({ key: input.key, step: 2, total: 9, message: 'step 2' });
    expect(await rowOf(input)).toMatchObject({ outcome, backend: 'process' });
    expect(await backend.status(input.key)).toEqual({ state: 'gone' });
  });

  it('ends, of several replicas, with what the first one handed over and all of them said', async () => {
    const input = await open('step=1 all-reduce=1 succeed', { replicas: 2 });
    expect(await run(input)).toMatchObject({ kind: 'succeeded', metrics: { loss: 0.5 } });
    expect(await linesOf(input)).toEqual(['sum 3', 'sum 3']);
    expect(await trainingMetrics(fresh.db, input.model, 1)).toHaveLength(1);
  });

  it('keeps each line of every replica once, whatever its predecessor left', async () => {
    const script = 'step=1 variable=RANK await=checkpoints/gate say=done succeed';
    const input = await open(script, { replicas: 2 });
    const first = begin(input);
    await first.untilBeat(
      ({ logOffset, replicaOffsets }) => logOffset + (replicaOffsets[0] ?? 0) === 14,
    );
    first.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await expect(first.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    // As a worker left it that knew of no other replica's words.
    const { replicaOffsets: _, ...older } = first.beats.at(-1) ?? {};
    const second = begin(input, supervision.parse(older));
    await writeFile(join(backend.root(input.key), 'checkpoints', 'gate'), '');
    expect(await second.result).toMatchObject({ kind: 'succeeded' });
    expect(await linesOf(input)).toEqual(['RANK 0', 'done', 'RANK 1', 'done']);
  });

  it('tells which replica failed, and in its words', async () => {
    const script = 'obey all-reduce=1 fail-as=1:The_rows_are_odd. forever';
    const input = await open(script, { replicas: 2 });
    expect(await run(input)).toMatchObject({
      kind: 'failed',
      code: 65,
      reason: 'Replica 1: The rows are odd.',
    });
  });

  it('answers the same when it runs again after its end, and starts nothing', async () => {
    const input = await open('succeed');
    const outcome = await run(input);
    expect(await run(input)).toEqual(outcome);
    expect(await backend.status(input.key)).toEqual({ state: 'gone' });
    const audit = await fresh.db
      .select({ action: auditEntry.action })
      .from(auditEntry)
      .where(eq(auditEntry.subject, `${input.model}/1`));
    expect(audit.map(({ action }) => action)).toEqual(['training.opened', 'training.succeeded']);
  });

  it('clears away when it runs again where the backend was away at its end', async () => {
    const input = await open('succeed');
    let away = true;
    const remove = async (key: string) => {
      if (away) throw new PerennialError('ENGINE_UNAVAILABLE', 'The engine does not answer.');
      await backend.remove(key);
    };
    const { superviseTraining } = createTrainingSupervision({
      db: fresh.db,
      artifacts,
      backend: { ...backend, remove },
      log: silentLog,
      clock: systemClock,
      pollEvery: 20,
    });
    const again = () =>
      new MockActivityEnvironment({}, { logger: quiet }).run(superviseTraining, input);
    await expect(again()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    expect(await backend.status(input.key)).toMatchObject({ state: 'exited' });
    away = false;
    expect(await again()).toMatchObject({ kind: 'succeeded' });
    expect(await backend.status(input.key)).toEqual({ state: 'gone' });
  });

  it.each([
    ['fail=The_column_hour_is_empty. exit=65', 'failed', 65, 'The column hour is empty.'],
    ['exit=78', 'failed', 78, 'The trainer found a configuration it cannot use (exit code 78).'],
    ['fail=Preempted. exit=75', 'retry', 75, 'Preempted.'],
    ['exit=1', 'retry', 1, 'The trainer broke (exit code 1).'],
    ['killed', 'retry', 137, 'The trainer was killed (exit code 137).'],
    ['exit=0', 'failed', 0, "The trainer's output/manifest.json is missing although"],
  ])('says of a trainer that does "%s": %s', async (script, kind, code, reason) => {
    const input = await open(script);
    const outcome = await run(input);
    expect(outcome).toMatchObject({
      kind,
      code,
      reason: expect.stringContaining(reason) as string,
    });
    expect((await rowOf(input))?.outcome).toEqual(outcome);
  });

  it('stops a trainer that gives no sign of life, and would try again', async () => {
    const input = await open('obey say=ready forever', { heartbeat: '400ms' });
    expect(await run(input)).toMatchObject({
      kind: 'retry',
      error: 'TRAINING_HUNG',
      reason: expect.stringContaining('no sign of life') as string,
    });
    expect(await untilExited(backend, input.key)).toMatchObject({ code: 143 });
  });

  it('takes none for hung that has said more than is kept, and whose silence is not to be told from speech', async () => {
    const input = await open('obey say=ready forever', { heartbeat: '400ms', timeout: '2s' });
    const first = begin(input);
    await first.untilBeat(({ logOffset }) => logOffset > 0);
    first.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await expect(first.result).rejects.toMatchObject({ name: 'CancelledFailure' });
    const seen = supervision.parse(first.beats.at(-1));
    const second = begin(input, { ...seen, logOffset: keptLogBytes + 1 });
    expect(await second.result).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('longer than') as string,
    });
  });

  it('stops a trainer that takes longer than it may, for good', async () => {
    const input = await open('obey say=ready forever', { timeout: '400ms' });
    expect(await run(input)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('longer than') as string,
    });
    expect(await backend.status(input.key)).toMatchObject({ state: 'exited' });
  });

  it('stops the trainer when the workflow cancels', async () => {
    const input = await open('obey step=1 say=ready forever');
    const { result, untilBeat, cancel } = begin(input);
    await untilBeat(({ logOffset }) => logOffset > 0);
    cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await expect(result).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(await backend.status(input.key)).toMatchObject({ state: 'exited', code: 143 });
    expect((await rowOf(input))?.outcome).toMatchObject({ kind: 'failed', code: 143 });
  });

  it.each([
    ['WORKER_SHUTDOWN', { workerShutdown: true }],
    ['TIMED_OUT', { timedOut: true }],
    ['PAUSED', { paused: true }],
    ['NOT_FOUND', { notFound: true }],
  ] as const)(
    'leaves the trainer running on %s, for the next to adopt',
    async (reason, details) => {
      const gate = join(folder, `gate-${reason}`);
      const input = await open(`say=begun step=1 await=${gate} say=done step=2 succeed`);
      const first = begin(input);
      await first.untilBeat(({ step, logOffset }) => step === 1 && logOffset > 0);
      first.cancel(reason, new ActivityCancellationDetails(details));
      await expect(first.result).rejects.toMatchObject({ name: 'CancelledFailure' });
      expect(await backend.status(input.key)).toMatchObject({ state: 'running' });
      expect((await rowOf(input))?.outcome).toBeNull();

      // The last heartbeat may be lost: one reads on, the other reads all of it again.
      const second = begin(input, reason === 'TIMED_OUT' ? undefined : first.beats.at(-1));
      await writeFile(gate, '');
      expect(await second.result).toMatchObject({ kind: 'succeeded' });
      expect(await linesOf(input)).toEqual(['begun', 'done']);
      expect(await trainingMetrics(fresh.db, input.model, 1)).toHaveLength(2);
    },
  );

  it('is refused for a trainer that does not exist', async () => {
    const input = await open('succeed', { trainer: 'nobody' });
    await expect(run(input)).rejects.toMatchObject({ code: 'TRAINER_NOT_FOUND' });
  });

  it('opens an attempt once, under a name that is always the same', async () => {
    const input = await open('succeed');
    const again = await attempts.openTrainingAttempt(input);
    expect(again).toMatchObject({ key: input.key, attempt: 1 });
    const second = await attempts.openTrainingAttempt({ ...input, attempt: 2 });
    expect(second.key).toBe(input.key.replace(/-1$/, '-2'));
    const rows = await fresh.db
      .select()
      .from(trainingRun)
      .where(eq(trainingRun.model, input.model));
    expect(rows).toHaveLength(2);
  });

  it('keeps each metric and line once, however often they are told', async () => {
    const input = await open('succeed');
    for (let time = 0; time < 2; time++) {
      await recordMetrics(fresh.db, input.key, [{ step: 1, metrics: { loss: 2, auc: 0.5 } }]);
      await recordLog(
        fresh.db,
        input.key,
        Array.from({ length: 2_500 }, (_, offset) => ({ rank: 0, offset, line: `line ${offset}` })),
      );
    }
    expect(await trainingMetrics(fresh.db, input.model, 1)).toHaveLength(2);
    expect(await trainingLogs(fresh.db, input.model, 1)).toHaveLength(2_500);
    expect(await trainingLogs(fresh.db, input.model, 1, 2_499)).toMatchObject([
      { offset: 2_499, line: 'line 2499' },
    ]);
  });
});
