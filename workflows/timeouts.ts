import type { ActivityOptions, LocalActivityOptions } from '@temporalio/common';
import { taskQueues, trainingQueue } from '../contracts/messages.js';

/** A retry with the same input can never succeed: what they found will not change by waiting. */
export const hopeless = ['FENCED', 'ARTIFACT_CORRUPT'];

/** Database work of milliseconds. It outlasts a day without a database; the workers' interceptor makes wrong input final at once. */
export const shortWork: ActivityOptions = {
  taskQueue: taskQueues.pipeline,
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 day',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '30 seconds',
    nonRetryableErrorTypes: hopeless,
  },
};

/** The same within a workflow's own task. Once only: what does not succeed at once goes on as short work. */
export const promptWork: LocalActivityOptions = {
  startToCloseTimeout: '5 seconds',
  scheduleToCloseTimeout: '5 seconds',
  retry: { maximumAttempts: 1 },
};

/** Undoing is worth waiting for longer than doing. */
export const compensation: ActivityOptions = {
  ...shortWork,
  scheduleToCloseTimeout: '14 days',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '1 minute',
    nonRetryableErrorTypes: hopeless,
  },
};

/** Scans of data and runs of models: a dead worker is noticed by its missing heartbeat. */
export const dataWork: ActivityOptions = {
  taskQueue: taskQueues.compute,
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: '30 seconds',
  scheduleToCloseTimeout: '3 days',
  retry: {
    initialInterval: '1 second',
    maximumInterval: '1 minute',
    nonRetryableErrorTypes: hopeless,
  },
};

/** One look at the counts of a model. A monitor has time, so it never gives up. */
export const driftCheck: ActivityOptions = {
  taskQueue: taskQueues.compute,
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
};

/** A record of milliseconds about a monitor, which waits for its database as long as it takes. */
export const noting: ActivityOptions = {
  taskQueue: taskQueues.pipeline,
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '500ms', maximumInterval: '5 minutes' },
};

/** A canary step: the judge reports every few seconds, so that pause and abort reach it. */
export const judging: ActivityOptions = {
  taskQueue: taskQueues.judge,
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '15 seconds',
  retry: {
    initialInterval: '500ms',
    maximumInterval: '10 seconds',
    nonRetryableErrorTypes: hopeless,
  },
};

/**
 * Milliseconds within which a training whose worker was killed is watched by the next one, and what of them that one needs: to be given the
 * work, and to look for the first time. The rest is the server's patience, three and a half of the intervals at which a worker is heard
 * (workers/training.ts).
 */
const replacedWithin = 12_000;
const takingOver = 1_500;

/**
 * Supervision of one training attempt. Workers come and go under it; the spec's own timeout ends the job, this only ends the waiting.
 * A cancelled workflow waits for the trainer to be stopped: once it is closed, nobody tells the activity why it was cancelled.
 */
export function supervision(trainingTimeout: number): ActivityOptions {
  return {
    taskQueue: taskQueues.training,
    startToCloseTimeout: trainingTimeout + 3_600_000,
    scheduleToCloseTimeout: trainingTimeout + 86_400_000,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    heartbeatTimeout: replacedWithin - takingOver,
    retry: {
      initialInterval: '100ms',
      maximumInterval: '15 seconds',
      nonRetryableErrorTypes: hopeless,
    },
  };
}

/** Milliseconds that a training may wait for GPUs which others hold: for a worker's free slot, and then for more than one GPU at once. */
const waitsForGpus = 30 * 86_400_000;

/** The same for a training that asks for GPUs: it waits at the queue of their class, and within the supervision until enough are free. */
export function onGpus(
  ordinary: ActivityOptions,
  { timeout, gpuClass }: { timeout: number; gpuClass: string },
): ActivityOptions {
  return {
    ...ordinary,
    taskQueue: trainingQueue(gpuClass),
    startToCloseTimeout: timeout + waitsForGpus,
    scheduleToCloseTimeout: timeout + waitsForGpus,
  };
}

/** The same by rank, and among equals fairly between teams where the server was told to be fair. */
export function inTurn(
  options: ActivityOptions,
  { priority, team }: { priority: number; team: string },
): ActivityOptions {
  return { ...options, priority: { priorityKey: priority, fairnessKey: team } };
}

/** One sweep of the janitor; the next one comes by its Schedule. */
export const sweeping: ActivityOptions = {
  taskQueue: taskQueues.pipeline,
  startToCloseTimeout: '5 minutes',
  retry: { maximumAttempts: 3 },
};

/** History events after which a workflow continues as new: replay of more than this starts to cost. */
export const historyLimit = 1_000;
