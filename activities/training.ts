import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { milliseconds } from '../contracts/duration.js';
import type {
  OpenAttemptInput,
  SuperviseTrainingInput,
  TrainingAttempt,
} from '../contracts/stages.js';
import type { RegisteredSpec } from '../contracts/spec.js';
import { supervision, type TrainingJob, type TrainingOutcome } from '../contracts/training.js';
import type { Database } from '../db/connect.js';
import { loadSpec } from '../db/spec.js';
import { duringStage } from '../db/stage.js';
import {
  openTrainingRun,
  recordedOutcome,
  recordLog,
  recordMetrics,
  recordOutcome,
  requireNewestAttempt,
} from '../db/training.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { TrainingBackend } from '../training/backend.js';
import { keyOfPreviousAttempt, trainingKey } from '../training/key.js';
import { judgeJob } from '../training/outcome.js';
import { superviseJob, whileBeating } from '../training/supervise.js';
import { findTrainer } from '../training/trainer.js';
import { createCheckpoints } from './checkpoint.js';

/** Time a trainer gets between being asked to stop and being killed, to write its checkpoint. */
const graceMs = 20_000;

export function createTrainingAttempts({
  db,
  backendName,
  installation,
}: {
  db: Database;
  backendName: string;
  installation: string;
}) {
  /** Gives an attempt its row and its job's name. A second run computes the same name and finds the row. */
  async function openTrainingAttempt({
    model,
    delivery,
    attempt,
  }: OpenAttemptInput): Promise<TrainingAttempt> {
    const key = trainingKey({ installation, model, delivery, attempt });
    const opened = { model, delivery, attempt, key };
    await openTrainingRun(db, opened, backendName);
    return opened;
  }
  return { openTrainingAttempt };
}

export function createTrainingSupervision({
  db,
  artifacts,
  backend,
  log,
  clock,
  pollEvery,
  traceparent = () => undefined,
}: {
  db: Database;
  artifacts: ArtifactStore;
  backend: TrainingBackend;
  log: Log;
  clock: Clock;
  /** Milliseconds between two looks at a job; at most 2,000, for each look is also the heartbeat. */
  pollEvery: number;
  /** The present trace, where one is made: the trainer may go on with it. */
  traceparent?: () => string | undefined;
}) {
  const checkpoints = createCheckpoints({ db, artifacts, log, clock });

  /**
   * Runs one attempt to its end and says what came of it; a trainer's failure is an outcome, not an error. A second run adopts the
   * job by its key, reads on where the last heartbeat stopped, stores each line once, and finds an outcome that was recorded before.
   */
  async function superviseTraining(input: SuperviseTrainingInput): Promise<TrainingOutcome> {
    return duringStage(db, input, 'train', async () => {
      const before = await recordedOutcome(db, input.key);
      if (before) return before;
      await requireNewestAttempt(db, input);
      const registered = await loadSpec(db, input.specDigest);
      const described = await describeJob(input, registered);
      const trace = traceparent();
      const job = trace ? { ...described, environment: { TRACEPARENT: trace } } : described;
      try {
        return await runAttempt(input, job, registered);
      } catch (error) {
        await stopIfCancelled(input);
        // The engine tells a cancellation, a pause and a shutdown apart only by its own error.
        throw isAbort(error) ? new CancelledFailure('The supervision was stopped') : error;
      }
    });
  }

  async function runAttempt(
    input: SuperviseTrainingInput,
    job: TrainingJob,
    { spec }: RegisteredSpec,
  ): Promise<TrainingOutcome> {
    const { key, model, delivery } = input;
    const { progressEvery } = spec.training;
    const context = Context.current();
    const told = supervision.safeParse(context.info.heartbeatDetails).data;
    let seen = told?.key === key ? told : undefined;
    const beat = () => context.heartbeat(seen);
    // One that was seen and is there no more has lost its host: that ends the attempt, and the next one goes on from its checkpoint.
    const adopted = seen !== undefined || (await whileBeating(beat, submitOrAdopt(job)));
    log.info(adopted ? 'Training adopted' : 'Training started', { model, delivery, key });
    const root = backend.root(key);
    const keeper = checkpoints.keepFrom(root, input, seen?.checkpoint ?? null);
    const end = await superviseJob({
      backend,
      key,
      clock,
      every: pollEvery,
      hungAfter: milliseconds(spec.training.heartbeat),
      stalledAfter: progressEvery === undefined ? undefined : milliseconds(progressEvery),
      timeout: milliseconds(spec.training.timeout),
      grace: graceMs,
      from: seen,
      checkpoints: keeper,
      record: {
        progress: (lines) => recordMetrics(db, key, lines),
        logs: (lines) => recordLog(db, key, lines),
      },
      beat: (latest) => {
        seen = latest;
        beat();
      },
      signal: context.cancellationSignal,
    });
    const judged = await whileBeating(beat, judgeJob({ end, job, root, artifacts }));
    // Before the outcome, after which an attempt can add no checkpoint.
    if (judged.kind === 'retry') await whileBeating(beat, keeper.finish(seen?.step ?? 0));
    const outcome = await recordOutcome(db, input, judged);
    log.info('Training ended', { model, delivery, key, outcome: outcome.kind });
    if (outcome.kind === 'succeeded') await clearAway(key);
    return outcome;
  }

  /** A job that is not there starts from the newest checkpoint that is whole, wherever that was written. */
  async function submitOrAdopt(job: TrainingJob): Promise<boolean> {
    const { state } = await backend.status(job.key);
    const checkpoint = state === 'gone' ? await checkpoints.findNewest(job) : undefined;
    const { adopted } = await backend.submit(checkpoint ? { ...job, checkpoint } : job);
    return adopted;
  }

  /** Model and manifest are artifacts by now. After a failure all stays: for people, and for the next attempt's checkpoints. */
  async function clearAway(last: string): Promise<void> {
    for (let key: string | null = last; key !== null; key = keyOfPreviousAttempt(key))
      await backend.remove(key);
  }

  /** Only a wish of the workflow stops the trainer. A worker that shuts down, times out or is paused leaves it to its successor. */
  async function stopIfCancelled(input: SuperviseTrainingInput): Promise<void> {
    const context = Context.current();
    if (!context.cancellationDetails?.cancelRequested) return;
    await whileBeating(() => context.heartbeat(), backend.cancel(input.key, graceMs));
    const reason = 'The delivery was cancelled and the training stopped.';
    await recordOutcome(db, input, { kind: 'failed', code: 143, reason });
    log.info('Training cancelled', { model: input.model, key: input.key });
  }

  return { superviseTraining };
}

function isAbort(error: unknown): boolean {
  const { cancellationSignal } = Context.current();
  if (!cancellationSignal.aborted) return false;
  return (
    error === cancellationSignal.reason || (error instanceof Error && error.name === 'AbortError')
  );
}

async function describeJob(
  { key, model, delivery, attempt, specDigest, channels }: SuperviseTrainingInput,
  { spec, base }: RegisteredSpec,
): Promise<TrainingJob> {
  const { image, resources, replicas } = spec.training;
  return {
    key,
    model,
    delivery,
    attempt,
    ...(image !== undefined && { image }),
    ...(resources !== undefined && { resources }),
    ...(replicas !== undefined && { replicas }),
    trainer: await findTrainer(spec.training.trainer, base),
    hyperparameters: spec.training.parameters,
    seed: spec.training.seed,
    features: spec.data.features.map(({ name, type }) => ({ name, type })),
    channels,
    labels: { spec: specDigest, model, delivery: String(delivery), attempt: String(attempt) },
  };
}
