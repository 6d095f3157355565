import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { workflowId } from '../contracts/messages.js';
import type { SweepResult } from '../contracts/stages.js';
import type { Database } from '../db/connect.js';
import { listOpenReleases, listServedModels, makePredictionPartitions } from '../db/janitor.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { TrainingBackend } from '../training/backend.js';
import type { JanitorActivities, ReleaseActivities } from './index.js';

const graceMs = 20_000;

export function createJanitorActivities({
  db,
  client,
  backend,
  release,
  log,
  clock,
  secondLookAfter = 2_000,
}: {
  db: Database;
  client: Client;
  backend: Pick<TrainingBackend, 'list' | 'cancel'>;
  release: Pick<ReleaseActivities, 'restoreRoute' | 'closeRelease'>;
  log: Log;
  clock: Clock;
  /** Milliseconds between the two looks that a workflow must be found closed in. */
  secondLookAfter?: number;
}): JanitorActivities {
  /**
   * Puts away what outlived its workflow. Acts only on what is found closed twice; an unreachable Temporal fails the sweep before it
   * has acted. A second run finds the work done.
   */
  async function sweep(): Promise<SweepResult> {
    const partitionsMade = await makePredictionPartitions(db, clock.now(), 2);
    const unwatched: string[] = [];
    for (const model of await listServedModels(db))
      if ((await statusOf(workflowId.monitor(model))) !== 'running') unwatched.push(model);
    if (unwatched.length > 0) log.warn('Models are served without a monitor', { unwatched });
    return {
      partitionsMade,
      unwatched,
      jobsReaped: await reapJobs(),
      routesRestored: await restoreRoutes(),
    };
  }

  async function reapJobs(): Promise<number> {
    const running = (await backend.list()).filter(({ status }) => status.state === 'running');
    let reaped = 0;
    for (const { key, model, delivery } of running) {
      if (!(await isGone(workflowId.train(model, delivery)))) continue;
      log.warn('A training job outlived its workflow and is stopped', { key, model, delivery });
      await backend.cancel(key, graceMs);
      reaped += 1;
    }
    return reaped;
  }

  async function restoreRoutes(): Promise<number> {
    let restored = 0;
    for (const { workflowId: id, runId, ...opened } of await listOpenReleases(db)) {
      if (!(await isGone(id, runId))) continue;
      const reason = `Its workflow ${id} is gone.`;
      log.warn('A release outlived its workflow and is rolled back', { ...opened });
      await release.restoreRoute({ ...opened, reason });
      await release.closeRelease({ ...opened, outcome: 'rolled-back', reason });
      restored += 1;
    }
    return restored;
  }

  /** Closed in two looks some time apart. One that is not found is no proof: this may be another, an emptied Temporal. */
  async function isGone(id: string, runId?: string): Promise<boolean> {
    if ((await statusOf(id, runId)) !== 'closed') return false;
    await new Promise((resolve) => setTimeout(resolve, secondLookAfter));
    return (await statusOf(id, runId)) === 'closed';
  }

  async function statusOf(id: string, runId?: string): Promise<'running' | 'closed' | 'unknown'> {
    try {
      const { status } = await client.workflow.getHandle(id, runId).describe();
      return status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' ? 'running' : 'closed';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'unknown';
      throw error;
    }
  }

  return { sweep };
}
