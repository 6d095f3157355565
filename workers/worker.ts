import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { taskQueues } from '../contracts/messages.js';
import type { Log } from '../runtime/log.js';
import type { Tracing } from '../runtime/tracing/tracing.js';
import { createFailureInterceptor } from './failure-interceptor.js';
import type { WorkerMetrics } from './metrics.js';

export interface WorkerDependencies {
  connection: NativeConnection;
  namespace: string;
  log: Log;
  /** Counts what the worker does, where somebody wants to know. */
  metrics?: WorkerMetrics;
  /** Null where no traces are made. */
  tracing?: Tracing | null;
  versioning: { mode: 'off' | 'pinned'; buildId: string | undefined };
}

type Particular = Pick<
  WorkerOptions,
  | 'activities'
  | 'workflowBundle'
  | 'maxCachedWorkflows'
  | 'maxConcurrentActivityTaskExecutions'
  | 'maxHeartbeatThrottleInterval'
> & {
  /** Another name than the queue's own, for those that have several. */
  taskQueue?: string;
};

/** A worker of one queue with what all of ours have in common. Activities get a few seconds to end; a second attempt is harmless. */
export function createWorker(
  { connection, namespace, log, metrics, tracing, versioning }: WorkerDependencies,
  queue: keyof typeof taskQueues,
  particular: Particular,
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace,
    taskQueue: taskQueues[queue],
    shutdownGraceTime: '3 seconds',
    shutdownForceTime: '12 seconds',
    interceptors: {
      activity: [
        ...(tracing ? [tracing.activity] : []),
        ...(metrics ? [metrics.interceptor] : []),
        createFailureInterceptor(log),
      ],
    },
    ...(tracing ? { sinks: tracing.sinks } : {}),
    ...versionOf(queue, versioning),
    ...particular,
  });
}

/** Each queue is a deployment of its own: a release pinned to one build still gets compute and training of the current one. */
export function deploymentOf(queue: keyof typeof taskQueues): string {
  return `perennial-${queue}`;
}

function versionOf(
  queue: keyof typeof taskQueues,
  { mode, buildId }: WorkerDependencies['versioning'],
): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (mode === 'off') return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deploymentOf(queue), buildId: buildId ?? 'unnamed' },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}
