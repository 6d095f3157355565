import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { workflowId } from '../contracts/messages.js';
import type { SweepResult, TrainingAttempt } from '../contracts/stages.js';
import type { Database } from '../db/connect.js';
import { closeLostDelivery } from '../db/delivery/delivery.js';
import {
  listLongClosed,
  listOpenDeliveries,
  listOpenReleases,
  listServedModels,
  makePredictionPartitions,
} from '../db/janitor.js';
import { listOpenAttempts, recordOutcome } from '../db/training/training.js';
import { expireWorkFolders } from '../dataset/work-folder.js';
import type { Clock } from '../runtime/clock.js';
import type { Log } from '../runtime/log.js';
import type { ListedJob, TrainingBackend } from '../training/backend.js';
import type { JanitorActivities, ReleaseActivities } from './index.js';
import { clockOf, type TrainingMeter } from './training/meter.js';

const graceMs = 20_000;
/** What a failed training leaves is for people to look into; a week has a Monday in it. Milliseconds, from the end of its delivery. */
const keepEndedJobs = 7 * 86_400_000;
/** Twice what work on data may take (workflows/timeouts.ts): whoever made such a folder is dead. Milliseconds. */
const abandonedAfter = 86_400_000;

export function createJanitorActivities({
  db,
  client,
  backend,
  meter,
  release,
  checkpoints,
  log,
  clock,
  workFolder,
  secondLookAfter = 2_000,
}: {
  db: Database;
  client: Client;
  backend: Pick<TrainingBackend, 'list' | 'status' | 'cancel' | 'remove'>;
  meter: Pick<TrainingMeter, 'settle'>;
  release: Pick<ReleaseActivities, 'restoreRoute' | 'closeRelease'>;
  checkpoints: { expire(): Promise<number> };
  log: Log;
  clock: Clock;
  /** Where work on data puts its files down. */
  workFolder: string;
  /** Milliseconds between the two looks that a workflow must be found closed in. */
  secondLookAfter?: number;
}): JanitorActivities {
  /**
   * Puts away what outlived its workflow. Acts only on what is found closed twice; an unreachable Temporal fails the sweep before it
   * has acted. Where the training backend is away the rest is done first, and the next sweep sees to the jobs, as it does to checkpoints
   * where the artifact store is away. A second run finds the work done.
   */
  async function sweep(): Promise<SweepResult> {
    const partitionsMade = await makePredictionPartitions(db, clock.now(), 2);
    const unwatched: string[] = [];
    for (const model of await listServedModels(db))
      if ((await statusOf(workflowId.monitor(model))) !== 'running') unwatched.push(model);
    if (unwatched.length > 0) log.warn('Models are served without a monitor', { unwatched });
    const routesRestored = await restoreRoutes();
    const deliveriesClosed = await closeDeliveries();
    const workFoldersRemoved = await expireWorkFolders(workFolder, ago(abandonedAfter));
    const jobs = await backend.list();
    const jobsReaped = await reapJobs(jobs);
    const jobsRemoved = await removeJobs(jobs);
    const checkpointsExpired = await checkpoints.expire();
    return {
      partitionsMade,
      unwatched,
      jobsReaped,
      jobsRemoved,
      checkpointsExpired,
      workFoldersRemoved,
      routesRestored,
      deliveriesClosed,
    };
  }

  /** All at once: each may take its whole grace to stop. An attempt may have lost its workflow and its job, too. */
  async function reapJobs(jobs: ListedJob[]): Promise<number> {
    const alive = jobs.filter(
      ({ status: { state } }) => state === 'running' || state === 'waiting',
    );
    const keys = new Set(alive.map(({ key }) => key));
    const open = await listOpenAttempts(db);
    const left = open.filter(({ key }) => !keys.has(key));
    const ownerOf = (job: TrainingAttempt) => ownerOfAttempt(job, open);
    const [reaped] = await Promise.all([
      Promise.all(alive.map((job) => reapIfGone(job, ownerOf(job)))),
      Promise.all(left.map((attempt) => reapIfGone(attempt, ownerOf(attempt)))),
    ]);
    return reaped.filter(Boolean).length;
  }

  /** Stops what runs of it, pays for it and closes its books, so that nothing of it counts any more. */
  async function reapIfGone(
    { key, model, delivery, attempt }: TrainingAttempt,
    owner: string,
  ): Promise<boolean> {
    if (!(await isGone(owner))) return false;
    log.warn('A training outlived its workflow and is stopped', { key, model, delivery });
    await backend.cancel(key, graceMs);
    await meter.settle(key, clockOf(await backend.status(key)));
    const reason = 'The workflow of this training is gone; the job was stopped.';
    const outcome = { kind: 'failed', code: 143, reason } as const;
    await recordOutcome(db, { model, delivery, attempt, key }, outcome);
    return true;
  }

  async function removeJobs(jobs: ListedJob[]): Promise<number> {
    const ended = jobs.filter(({ status: { state } }) => state === 'exited');
    const closed = await listLongClosed(db, ended, ago(keepEndedJobs));
    const old = ended.filter(({ model, delivery }) => closed.has(`${model}/${delivery}`));
    for (const { key } of old) await backend.remove(key);
    return old.length;
  }

  function ago(milliseconds: number): Date {
    return new Date(clock.now().getTime() - milliseconds);
  }

  async function restoreRoutes(): Promise<number> {
    let restored = 0;
    for (const { workflowId: id, runId, ...opened } of await listOpenReleases(db)) {
      if (!(await isGone(id, { runId }))) continue;
      const reason = `Its workflow ${id} is gone.`;
      log.warn('A release outlived its workflow and is rolled back', { ...opened });
      await release.restoreRoute({ ...opened, reason });
      await release.closeRelease({ ...opened, outcome: 'rolled-back', reason });
      restored += 1;
    }
    return restored;
  }

  /** Those that were terminated, say: nobody else would ever say that they have ended. */
  async function closeDeliveries(): Promise<number> {
    let closed = 0;
    for (const { firstRunId, ...lost } of await listOpenDeliveries(db)) {
      if (!(await isGone(workflowId.deliver(lost.model), { firstRunId }))) continue;
      if (!(await closeLostDelivery(db, lost))) continue;
      log.warn('A delivery outlived its workflow and is closed', lost);
      closed += 1;
    }
    return closed;
  }

  /** Closed in two looks some time apart. One that is not found is no proof: this may be another, an emptied Temporal. */
  async function isGone(id: string, run: Run = {}): Promise<boolean> {
    if ((await statusOf(id, run)) !== 'closed') return false;
    await new Promise((resolve) => setTimeout(resolve, secondLookAfter));
    return (await statusOf(id, run)) === 'closed';
  }

  async function statusOf(
    id: string,
    { runId, firstRunId }: Run = {},
  ): Promise<'running' | 'closed' | 'unknown'> {
    try {
      const { status, raw } = await client.workflow.getHandle(id, runId).describe();
      if (firstRunId !== undefined && raw.workflowExecutionInfo?.firstRunId !== firstRunId)
        return 'unknown';
      return status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW' ? 'running' : 'closed';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return 'unknown';
      throw error;
    }
  }

  return { sweep };
}

/** One run, or the last of the chain that began with one; the last of all where neither is given. */
interface Run {
  runId?: string;
  firstRunId?: string;
}

/** Id of the workflow that looks after a job. Which trial it belongs to, its backend does not know. */
function ownerOfAttempt(
  { key, model, delivery }: TrainingAttempt,
  open: readonly (TrainingAttempt & { trial: number })[],
): string {
  const trial = open.find((each) => each.key === key)?.trial ?? 0;
  return trial > 0 ? workflowId.trial(model, delivery, trial) : workflowId.train(model, delivery);
}
