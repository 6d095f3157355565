import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PerennialError } from '../../contracts/errors.js';
import type { JobStatus, TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { isRunning } from '../../runtime/process-identity.js';
import type { ListedJob, LogChunk, LogPosition, TrainingBackend } from '../backend.js';
import { readLinesByRank } from '../file-lines.js';
import {
  jobFolder,
  listJobFolders,
  outputFiles,
  prepareJobFolder,
  ranksOf,
  readJob,
  removeJobFolder,
} from '../job-folder.js';
import { refuseForeign, refuseRunning } from '../ownership.js';
import { readClaim, readExit, sendSignal, untilDead } from './claim.js';
import { launchWrapper, type LaunchSettings } from './launch.js';

const claimMs = 20_000;
const lookMs = 50;
/** How long a killed trainer may take to be gone. */
const killMs = 10_000;
/** The same of a wrapper that has done all it had to. */
const endMs = 5_000;

/**
 * Trainings as processes of this machine, one detached wrapper each, which outlives the worker that started it.
 * What is true of a job lies in its folder: a worker killed at any moment finds it again there.
 */
export function createProcessBackend({
  jobs,
  installation,
  artifacts,
  ...launching
}: {
  /** Folder for the job folders; the same for every worker of this machine. */
  jobs: string;
  installation: string;
  artifacts: ArtifactStore;
} & LaunchSettings): TrainingBackend {
  async function submit(asked: TrainingJob): Promise<{ adopted: boolean }> {
    const job = { ...asked, labels: { ...asked.labels, installation } };
    const found = await readJob(jobs, job.key);
    if (found) refuseForeign(found.labels, job);
    else await prepareJobFolder(jobs, job, artifacts);
    if (await readClaim(jobs, job.key)) return { adopted: true };
    await start(job);
    return { adopted: false };
  }

  async function start(job: TrainingJob): Promise<void> {
    const { key } = job;
    const child = await launchWrapper(job, jobFolder(jobs, key), launching);
    const deadline = Date.now() + claimMs;
    while (!(await readClaim(jobs, key))) {
      if (Date.now() > deadline || child.exitCode !== null) {
        // It may have claimed and ended between the two looks.
        if (await readClaim(jobs, key)) return;
        throw new PerennialError('INTERNAL', `The wrapper of ${key} did not start.`);
      }
      await delay(lookMs);
    }
  }

  async function status(key: string): Promise<JobStatus> {
    const ended = await readExit(jobs, key);
    if (ended) return ended;
    const claimed = await readClaim(jobs, key);
    if (!claimed) return { state: 'gone' };
    if (await isRunning(claimed)) return { state: 'running', startedAt: claimed.startedAt };
    // The wrapper may have written its last file after the first look. Without one it was killed itself, and its trainer with it.
    return (
      (await readExit(jobs, key)) ?? {
        state: 'exited',
        code: 137,
        outOfMemory: false,
        startedAt: claimed.startedAt,
        finishedAt: await lastSign(key, claimed.startedAt),
      }
    );
  }

  /** When it last said anything, which is what is known of an end that nobody wrote down. */
  async function lastSign(key: string, otherwise: string): Promise<string> {
    const { log, root } = jobFolder(jobs, key);
    const files = [...(await ranksOf(jobs, key)).map(log), join(root, outputFiles.progress)];
    const found = await Promise.all(files.map((file) => lstat(file).catch(() => null)));
    const newest = Math.max(Date.parse(otherwise), ...found.map((each) => each?.mtimeMs ?? 0));
    // A trainer may set the times of its files as it likes.
    return new Date(Math.min(newest, Date.now())).toISOString();
  }

  async function logs(key: string, since: LogPosition): Promise<LogChunk> {
    const ended = (await status(key)).state !== 'running';
    const { log } = jobFolder(jobs, key);
    const files = (await ranksOf(jobs, key)).map((rank) => ({ path: log(rank), ended }));
    return readLinesByRank(files, since);
  }

  async function cancel(key: string, graceMs: number): Promise<void> {
    for (const [signal, waitMs] of [
      ['SIGTERM', graceMs],
      ['SIGUSR1', killMs],
      // A wrapper that does not obey is killed; the kernel takes its trainer along.
      ['SIGKILL', killMs],
    ] as const) {
      const claimed = await readClaim(jobs, key);
      if (!claimed || !(await isRunning(claimed))) return;
      sendSignal(claimed, signal);
      await untilDead(claimed, waitMs);
    }
  }

  async function list(): Promise<ListedJob[]> {
    const listed = await Promise.all((await listJobFolders(jobs)).map(describe));
    return listed.flat();
  }

  async function describe(key: string): Promise<ListedJob[]> {
    const job = await readJob(jobs, key);
    if (job?.labels['installation'] !== installation) return [];
    const { model, delivery, attempt, labels } = job;
    return [{ key, model, delivery, attempt, labels, status: await status(key) }];
  }

  async function remove(key: string): Promise<void> {
    refuseRunning(key, await status(key));
    const claimed = await readClaim(jobs, key);
    // A wrapper says how its trainer ended and ends itself a moment later.
    if (claimed) await untilDead(claimed, endMs);
    await removeJobFolder(jobs, key);
  }

  const root = (key: string) => jobFolder(jobs, key).root;
  return { name: 'process', submit, status, logs, cancel, list, remove, root };
}
