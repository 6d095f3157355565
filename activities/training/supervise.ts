import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { milliseconds } from '../../contracts/duration.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { RegisteredSpec } from '../../contracts/spec.js';
import {
  supervision,
  type Supervision,
  type TrainingJob,
  type TrainingOutcome,
} from '../../contracts/training.js';
import type { Database } from '../../db/connect.js';
import { loadSpec } from '../../db/model/spec.js';
import { readProgressOf, recordProgress } from '../../db/training/progress.js';
import { duringStage } from '../../db/delivery/stage.js';
import {
  recordedOutcome,
  recordLog,
  recordOutcome,
  requireNewestAttempt,
} from '../../db/training/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { Clock } from '../../runtime/clock.js';
import type { Log } from '../../runtime/log.js';
import type { TrainingBackend } from '../../training/backend.js';
import type { GpuSample } from '../../training/gpu-usage.js';
import { keyOfPreviousAttempt } from '../../training/key.js';
import { judgeJob } from '../../training/outcome.js';
import { superviseJob, whileBeating } from '../../training/supervise.js';
import type { JanitorDoor } from '../delivery.js';
import { createCheckpoints } from './checkpoint.js';
import { createEarlyStops } from './early-stop.js';
import { gpusAskedBy, type GpuLeases, type HeldGpus } from './gpu-lease.js';
import type { GpuWatch } from './gpu-watch.js';
import { describeJob } from './job.js';
import { clockOf, createTrainingMeter, reckonEvery } from './meter.js';

/** Milliseconds between two looks at what a trainer has reported over HTTP, which it does every five seconds at most. */
const reportEvery = 2_000;

/** Time a trainer gets between being asked to stop and being killed, to write its checkpoint. */
export const graceMs = 20_000;

export function createTrainingSupervision({
  db,
  artifacts,
  backend,
  janitor,
  log,
  clock,
  pollEvery,
  meterEvery = reckonEvery,
  gpus,
  leases,
  traceparent = () => undefined,
}: {
  db: Database;
  artifacts: ArtifactStore;
  backend: TrainingBackend;
  /** Called where the workflow is gone; left out, the janitor comes in its own time. */
  janitor?: JanitorDoor;
  log: Log;
  clock: Clock;
  /** Milliseconds between two looks at a job; at most 2,000, for each look is also the heartbeat. */
  pollEvery: number;
  /** Milliseconds between two reckonings of what the job costs. */
  meterEvery?: number;
  /** Looks at the GPUs of jobs on this machine; left out, nobody does. */
  gpus?: GpuWatch | undefined;
  /** Hands out the GPUs of this machine; left out, the backend does as it likes. */
  leases?: GpuLeases | undefined;
  /** The present trace, where one is made: the trainer may go on with it. */
  traceparent?: () => string | undefined;
}) {
  const checkpoints = createCheckpoints({ db, artifacts, log, clock });
  const earlyStops = createEarlyStops({ db });
  const meter = createTrainingMeter({ db, clock, every: meterEvery, grace: graceMs });

  /**
   * Runs one attempt to its end and says what came of it; a trainer's failure is an outcome, not an error. A second run adopts the
   * job by its key, reads on where the last heartbeat stopped, stores each line once, and finds an outcome that was recorded before.
   */
  async function superviseTraining(input: SuperviseTrainingInput): Promise<TrainingOutcome> {
    return duringStage(db, input, 'train', async () => {
      const before = await recordedOutcome(db, input.key);
      if (before) {
        await leases?.release(input.key);
        return clearedAfter(before, input.key);
      }
      await requireNewestAttempt(db, input);
      const registered = await loadSpec(db, input.specDigest);
      const described = await describeJob(input, registered);
      const trace = traceparent();
      const job = trace ? { ...described, environment: { TRACEPARENT: trace } } : described;
      try {
        return await runWithGpus(input, job, registered);
      } catch (error) {
        await stopIfCancelled(input);
        await tellIfGone(input);
        // The engine tells a cancellation, a pause and a shutdown apart only by its own error.
        throw isAbort(error) ? new CancelledFailure('The supervision was stopped') : error;
      }
    });
  }

  async function runWithGpus(
    input: SuperviseTrainingInput,
    job: TrainingJob,
    registered: RegisteredSpec,
  ): Promise<TrainingOutcome> {
    const without = () => runAttempt(input, job, registered, withoutGpus);
    const owned = leases?.gpusFor(job);
    const asked = gpusAskedBy(registered.spec);
    if (!leases || !owned || !asked) return without();
    const gone = (await backend.status(job.key)).state === 'gone';
    // One that was seen and is there no more needs none: its supervision ends at once.
    if (gone && seenBefore(job.key)) return without();
    const { count, priority } = asked;
    return leases.whileHolding(job, { owned, begun: !gone, count, priority }, (held) =>
      runAttempt(input, { ...job, devices: held.devices }, registered, held),
    );
  }

  async function runAttempt(
    input: SuperviseTrainingInput,
    job: TrainingJob,
    { spec }: RegisteredSpec,
    { lost, wanted }: Pick<HeldGpus, 'lost' | 'wanted'>,
  ): Promise<TrainingOutcome> {
    const { key, model, delivery } = input;
    const { progressEvery } = spec.training;
    const hungAfter = milliseconds(spec.training.heartbeat);
    const context = Context.current();
    let seen = seenBefore(key);
    let gpu: GpuSample[] = [];
    const keepLook = (look: GpuSample[]) => {
      gpu = look;
    };
    const beat = () => context.heartbeat(seen && gpu.length > 0 ? { ...seen, gpus: gpu } : seen);
    // One that was seen and is there no more has lost its host: that ends the attempt, and the next one goes on from its checkpoint.
    const adopted = seen !== undefined || (await whileBeating(beat, submitOrAdopt(input, job)));
    log.info(adopted ? 'Training adopted' : 'Training started', { model, delivery, key });
    const root = backend.root(key);
    const keeper = checkpoints.keepFrom(root, input, seen?.checkpoint ?? null);
    const supervising = () =>
      superviseJob({
        backend,
        key,
        clock,
        every: pollEvery,
        hungAfter,
        stalledAfter: progressEvery === undefined ? undefined : milliseconds(progressEvery),
        timeout: milliseconds(spec.training.timeout),
        grace: graceMs,
        from: seen,
        reported: atMostEvery(Math.min(reportEvery, hungAfter / 4), () => readProgressOf(db, key)),
        checkpoints: keeper,
        record: {
          progress: (lines) => recordProgress(db, key, lines),
          logs: (lines) => recordLog(db, key, lines),
        },
        charge: (job) => meter.charge(key, job),
        outdone: atMostEvery(reportEvery, () => earlyStops.outdoneBy(input, spec)),
        lost,
        wanted,
        beat: (latest) => {
          seen = latest;
          beat();
        },
        signal: context.cancellationSignal,
      });
    const end = await (gpus?.whileLooking(job, keepLook, supervising) ?? supervising());
    await meter.settle(key, clockOf(await backend.status(key)));
    const judged = await whileBeating(beat, judgeJob({ end, job, root, artifacts, reached: seen }));
    // Before the outcome, after which an attempt can add no checkpoint.
    if (judged.kind === 'retry' || end.kind === 'unpaid')
      await whileBeating(beat, keeper.finish(seen?.step ?? 0));
    const outcome = await recordOutcome(db, input, judged);
    log.info('Training ended', { model, delivery, key, outcome: outcome.kind });
    return clearedAfter(outcome, key);
  }

  /** A job that is not there starts from the newest checkpoint that is whole, wherever that was written. */
  async function submitOrAdopt(input: SuperviseTrainingInput, job: TrainingJob): Promise<boolean> {
    const { state } = await backend.status(job.key);
    const checkpoint = state === 'gone' ? await checkpoints.findNewest(input) : undefined;
    const { adopted } = await backend.submit(checkpoint ? { ...job, checkpoint } : job);
    return adopted;
  }

  /** After a success model and manifest are artifacts. After a failure all stays: for people, and for the next attempt's checkpoints. */
  async function clearedAfter(outcome: TrainingOutcome, last: string): Promise<TrainingOutcome> {
    if (outcome.kind !== 'succeeded') return outcome;
    for (let key: string | null = last; key !== null; key = keyOfPreviousAttempt(key))
      await backend.remove(key);
    return outcome;
  }

  /** Only a wish of the workflow stops the trainer. A worker that shuts down, times out or is paused leaves it to its successor. */
  async function stopIfCancelled(input: SuperviseTrainingInput): Promise<void> {
    const context = Context.current();
    if (!context.cancellationDetails?.cancelRequested) return;
    await whileBeating(() => context.heartbeat(), backend.cancel(input.key, graceMs));
    await meter.settle(input.key, clockOf(await backend.status(input.key)));
    const reason = 'The delivery was cancelled and the training stopped.';
    await recordOutcome(db, input, { kind: 'failed', code: 143, reason });
    await leases?.release(input.key);
    log.info('Training cancelled', { model: input.model, key: input.key });
  }

  /** The janitor finds out by itself whether it is: this may have been reset, or its next attempt be under way. */
  async function tellIfGone({ model, key }: SuperviseTrainingInput): Promise<void> {
    if (!janitor || !Context.current().cancellationDetails?.notFound) return;
    await janitor
      .call()
      .catch((error: unknown) => log.warn('The janitor was not reached', { model, key, error }));
  }

  return { superviseTraining };
}

/** Of a training that has none from us: nobody takes them away. */
const withoutGpus = { lost: () => null, wanted: () => null };

/** The last answer again until it is so many milliseconds old. */
function atMostEvery<T>(every: number, ask: () => Promise<T>): () => Promise<T> {
  let asked = 0;
  let answer: Promise<T> | undefined;
  return () => {
    if (answer === undefined || Date.now() - asked >= every) {
      asked = Date.now();
      answer = ask();
    }
    return answer;
  };
}

/** Where a predecessor stopped looking at this job. */
function seenBefore(key: string): Supervision | undefined {
  const told = supervision.safeParse(Context.current().info.heartbeatDetails).data;
  return told?.key === key ? told : undefined;
}

function isAbort(error: unknown): boolean {
  const { cancellationSignal } = Context.current();
  if (!cancellationSignal.aborted) return false;
  return (
    error === cancellationSignal.reason || (error instanceof Error && error.name === 'AbortError')
  );
}
