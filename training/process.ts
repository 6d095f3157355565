import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import type { JobStatus, TrainingJob } from '../contracts/training.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { isRunning } from '../runtime/process-identity.js';
import type { ListedJob, LogChunk, TrainingBackend } from './backend.js';
import { readLines } from './file-lines.js';
import {
  jobFolder,
  outputFiles,
  prepareJobFolder,
  readJob,
  readJsonFile,
  removeJobFolder,
  writeJson,
} from './job-folder.js';
import { isTrainingKey } from './key.js';
import { refuseForeign } from './ownership.js';
import { openProgressDoor, type ProgressDoor } from './progress-door.js';
import { findMeetingPort, replicaRoot, tellCulprit, variablesOnOneMachine } from './replicas.js';
import { trainerCommand } from './trainer.js';

const wrapper = fileURLToPath(new URL('process-wrapper.py', import.meta.url));
const logBytes = 16 * 1024 * 1024;
const claimMs = 20_000;
const lookMs = 50;
/** How long a killed trainer may take to be gone. */
const killMs = 10_000;
/** The same of a wrapper that has done all it had to. */
const endMs = 5_000;

const claim = z.object({ pid: z.int().positive(), started: z.string(), startedAt: z.string() });
const exit = z.object({
  code: z.int(),
  outOfMemory: z.boolean(),
  /** Rank of the replica that failed first, where there are several. */
  replica: z.int().optional(),
  startedAt: z.string(),
  finishedAt: z.string(),
});

/**
 * Trainings as processes of this machine, one detached wrapper each, which outlives the worker that started it.
 * What is true of a job lies in its folder: a worker killed at any moment finds it again there.
 */
export function createProcessBackend({
  jobs,
  python,
  installation,
  artifacts,
  progressDoor,
  replicaGraceMs = 20_000,
}: {
  /** Folder for the job folders; the same for every worker of this machine. */
  jobs: string;
  python: string;
  installation: string;
  artifacts: ArtifactStore;
  /** Where trainers may report over HTTP; left out, they write their progress alone. */
  progressDoor?: ProgressDoor | undefined;
  /** How long the others may take to stop once one replica has failed. */
  replicaGraceMs?: number;
}): TrainingBackend {
  async function submit(asked: TrainingJob): Promise<{ adopted: boolean }> {
    const job = { ...asked, labels: { ...asked.labels, installation } };
    const found = await readJob(jobs, job.key);
    if (found) refuseForeign(found.labels, job);
    else await prepareJobFolder(jobs, job, artifacts);
    if (await readClaim(job.key)) return { adopted: true };
    await start(job);
    return { adopted: false };
  }

  async function start(job: TrainingJob): Promise<void> {
    const { folder, root, launch } = jobFolder(jobs, job.key);
    const reporting =
      progressDoor && (await openProgressDoor(progressDoor, { key: job.key, folder }));
    await writeJson(launch, {
      command: await trainerCommand(job.trainer, python),
      environment: {
        ...job.environment,
        ...visibleDevices(job),
        ...reporting,
        ...trainerEnvironment(root, folder),
      },
      workingFolder: folder,
      ...(await describeReplicas(job, root)),
      graceSeconds: replicaGraceMs / 1_000,
      logBytes,
    });
    const child = spawn(python, [wrapper, folder], {
      detached: true,
      stdio: 'ignore',
      env: trainerEnvironment(root, folder),
    });
    await once(child, 'spawn').catch((error: unknown) => {
      throw new PerennialError(
        'TOOL_MISSING',
        `The trainer's Python ${python} cannot be started.`,
        {},
        { cause: error },
      );
    });
    child.unref();
    const deadline = Date.now() + claimMs;
    while (!(await readClaim(job.key))) {
      if (Date.now() > deadline || child.exitCode !== null) {
        // It may have claimed and ended between the two looks.
        if (await readClaim(job.key)) return;
        throw new PerennialError('INTERNAL', `The wrapper of ${job.key} did not start.`);
      }
      await delay(lookMs);
    }
  }

  async function readClaim(key: string): Promise<z.infer<typeof claim> | null> {
    const content = await readJsonFile(jobFolder(jobs, key).process);
    return content === null ? null : claim.parse(content);
  }

  async function readExit(key: string): Promise<JobStatus | null> {
    const content = await readJsonFile(jobFolder(jobs, key).exit);
    if (content === null) return null;
    const { replica, ...ended } = exit.parse(content);
    const reason = replica === undefined ? {} : { reason: tellCulprit(replica, ended) };
    return { state: 'exited', ...ended, ...reason };
  }

  async function status(key: string): Promise<JobStatus> {
    const ended = await readExit(key);
    if (ended) return ended;
    const claimed = await readClaim(key);
    if (!claimed) return { state: 'gone' };
    if (await isRunning(claimed)) return { state: 'running', startedAt: claimed.startedAt };
    // The wrapper may have written its last file after the first look. Without one it was killed itself, and its trainer with it.
    return (
      (await readExit(key)) ?? {
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
    const files = [log, join(root, outputFiles.progress)];
    const found = await Promise.all(files.map((file) => lstat(file).catch(() => null)));
    const newest = Math.max(Date.parse(otherwise), ...found.map((each) => each?.mtimeMs ?? 0));
    // A trainer may set the times of its files as it likes.
    return new Date(Math.min(newest, Date.now())).toISOString();
  }

  async function logs(key: string, since: number): Promise<LogChunk> {
    const ended = (await status(key)).state !== 'running';
    return readLines(jobFolder(jobs, key).log, since, { ended });
  }

  async function cancel(key: string, graceMs: number): Promise<void> {
    for (const [signal, waitMs] of [
      ['SIGTERM', graceMs],
      ['SIGUSR1', killMs],
      // A wrapper that does not obey is killed; the kernel takes its trainer along.
      ['SIGKILL', killMs],
    ] as const) {
      const claimed = await readClaim(key);
      if (!claimed || !(await isRunning(claimed))) return;
      sendSignal(claimed.pid, signal);
      await untilDead(claimed, waitMs);
    }
  }

  async function list(): Promise<ListedJob[]> {
    await mkdir(jobs, { recursive: true });
    const keys = (await readdir(jobs)).filter(isTrainingKey);
    const listed = await Promise.all(
      keys.map(async (key) => {
        const job = await readJob(jobs, key);
        if (job?.labels['installation'] !== installation) return [];
        const { model, delivery, attempt, labels } = job;
        return [{ key, model, delivery, attempt, labels, status: await status(key) }];
      }),
    );
    return listed.flat();
  }

  async function remove(key: string): Promise<void> {
    const { state } = await status(key);
    if (state === 'running')
      throw new PerennialError('INTERNAL', `The training ${key} still runs: cancel it first.`);
    const claimed = await readClaim(key);
    // A wrapper says how its trainer ended and ends itself a moment later.
    if (claimed) await untilDead(claimed, endMs);
    await removeJobFolder(jobs, key);
  }

  return {
    name: 'process',
    submit,
    status,
    logs,
    cancel,
    list,
    remove,
    root: (key) => jobFolder(jobs, key).root,
  };
}

/** By the order that the driver's own tools count in, which is not that of CUDA. */
function visibleDevices({ devices }: TrainingJob): Record<string, string> {
  if (devices === undefined) return {};
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: devices.join(',') };
}

/** What each replica gets to know beside what all do; nothing of one that trains alone. */
async function describeReplicas({ key, replicas = 1 }: TrainingJob, root: string) {
  if (replicas === 1) return {};
  const meeting = { address: '127.0.0.1', port: await findMeetingPort(key), replicas };
  const ranks = Array.from({ length: replicas }, (_, rank) => ({
    ...variablesOnOneMachine(meeting, rank),
    PERENNIAL_ML_ROOT: replicaRoot(root, rank),
  }));
  return { replicas: ranks };
}

/** All that a trainer gets to know of this process's surroundings: no address, no secret. */
function trainerEnvironment(root: string, folder: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    ...(process.env['LD_LIBRARY_PATH'] ? { LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] } : {}),
    HOME: folder,
    LANG: 'C.UTF-8',
    PERENNIAL_ML_ROOT: root,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
  };
}

/** By a clock that nobody sets. */
async function untilDead(claimed: z.infer<typeof claim>, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline && (await isRunning(claimed))) await delay(lookMs);
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
