import { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { milliseconds } from '../contracts/duration.js';
import type {
  OpenAttemptInput,
  SuperviseTrainingInput,
  TrainingAttempt,
} from '../contracts/stages.js';
import type { RegisteredSpec } from '../contracts/spec.js';
import {
  supervision,
  type Supervision,
  type TrainingJob,
  type TrainingOutcome,
} from '../contracts/training.js';
import type { Database } from '../db/connect.js';
import { loadSpec } from '../db/spec.js';
import { duringStage } from '../db/stage.js';
import {
  openTrainingRun,
  recordedOutcome,
  recordLog,
  recordMetrics,
  recordOutcome,
} from '../db/training.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { TrainingBackend } from '../training/backend.js';
import { keyOfPreviousAttempt, trainingKey } from '../training/key.js';
import { judgeJob } from '../training/outcome.js';
import { superviseJob, whileBeating } from '../training/supervise.js';
import { findTrainer } from '../training/trainer.js';

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
  /**
   * Runs one attempt to its end and says what came of it; a trainer's failure is an outcome, not an error. A second run adopts the
   * job by its key, reads on where the last heartbeat stopped, stores each line once, and finds an outcome that was recorded before.
   */
  async function superviseTraining(input: SuperviseTrainingInput): Promise<TrainingOutcome> {
    return duringStage(db, input, 'train', async () => {
      const before = await recordedOutcome(db, input.key);
      if (before) return before;
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
    const context = Context.current();
    const from = supervision.safeParse(context.info.heartbeatDetails).data;
    const beat = (seen?: Supervision) => context.heartbeat(seen);
    const { adopted } = await whileBeating(() => beat(from), backend.submit(job));
    log.info(adopted ? 'Training adopted' : 'Training started', { model, delivery, key });
    const end = await superviseJob({
      backend,
      key,
      clock,
      every: pollEvery,
      hungAfter: milliseconds(spec.training.heartbeat),
      timeout: milliseconds(spec.training.timeout),
      grace: graceMs,
      from: from?.key === key ? from : undefined,
      record: {
        progress: (lines) => recordMetrics(db, key, lines),
        logs: (lines) => recordLog(db, key, lines),
      },
      beat,
      signal: context.cancellationSignal,
    });
    const judging = judgeJob({ end, job, root: backend.root(key), artifacts });
    const outcome = await recordOutcome(db, input, await whileBeating(() => beat(), judging));
    log.info('Training ended', { model, delivery, key, outcome: outcome.kind });
    if (outcome.kind === 'succeeded') await clearAway(key);
    return outcome;
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
  return {
    key,
    model,
    delivery,
    attempt,
    trainer: await findTrainer(spec.training.trainer, base),
    hyperparameters: spec.training.parameters,
    seed: spec.training.seed,
    features: spec.data.features.map(({ name, type }) => ({ name, type })),
    channels,
    labels: { spec: specDigest, model, delivery: String(delivery), attempt: String(attempt) },
  };
}
