import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  copyFile,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { PerennialError } from '../contracts/errors.js';
import { trainingJob, type TrainingJob } from '../contracts/training.js';
import { preparedColumns } from '../contracts/dataset.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { restoreCheckpoint } from './checkpoint.js';
import { isTrainingKey, keyOfPreviousAttempt } from './key.js';
import { layOutReplicas } from './replicas.js';

/** Where the parts of one job lie; `root` is the trainer's `/opt/ml`. */
export interface JobFolder {
  folder: string;
  root: string;
  job: string;
  launch: string;
  process: string;
  exit: string;
  /** What the replica of that rank said; a job of one has rank 0 alone. */
  log: (rank: number) => string;
}

export function jobFolder(jobs: string, key: string): JobFolder {
  if (!isTrainingKey(key)) throw new RangeError(`Not the key of a training job: '${key}'`);
  const folder = join(jobs, key);
  return {
    folder,
    root: join(folder, 'ml'),
    job: join(folder, 'job.json'),
    launch: join(folder, 'launch.json'),
    process: join(folder, 'process.json'),
    exit: join(folder, 'exit.json'),
    log: (rank) => join(folder, rank === 0 ? 'trainer.log' : `trainer-${rank}.log`),
  };
}

export const outputFiles = {
  progress: join('output', 'progress.jsonl'),
  manifest: join('output', 'manifest.json'),
  failure: join('output', 'failure'),
} as const;

/** Where a trainer leaves what its next attempt may go on from, below its root. */
export const checkpointsFolder = 'checkpoints';

/**
 * Lays out `/opt/ml` as SageMaker's containers expect it, with the checkpoint to go on from. The folder appears whole:
 * of two who lay out the same job the second finds the first one's.
 */
export async function prepareJobFolder(
  jobs: string,
  job: TrainingJob,
  artifacts: ArtifactStore,
): Promise<void> {
  await mkdir(jobs, { recursive: true });
  const draft = await mkdtemp(join(jobs, `${job.key}.`));
  const root = join(draft, 'ml');
  for (const name of ['model', checkpointsFolder, 'output'])
    await mkdir(join(root, name), { recursive: true });
  await layOutReplicas(root, job.replicas ?? 1);
  await writeConfig(join(root, 'input', 'config'), job);
  for (const [name, ref] of Object.entries(job.channels)) {
    const folder = join(root, 'input', 'data', name);
    await mkdir(folder, { recursive: true });
    // A copy, by reference where the file system can: the trainer may do what it likes with it.
    await copyFile(
      await artifacts.localPath(ref),
      join(folder, 'part-0.parquet'),
      constants.COPYFILE_FICLONE,
    );
  }
  const checkpoints = join(root, checkpointsFolder);
  if (job.checkpoint) await restoreCheckpoint(job.checkpoint, artifacts, checkpoints);
  else await carryCheckpoints(jobs, job.key, checkpoints);
  await writeJson(join(draft, 'job.json'), job);
  await rename(draft, jobFolder(jobs, job.key).folder).catch(
    async (error: NodeJS.ErrnoException) => {
      await rm(draft, { recursive: true });
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    },
  );
}

async function writeConfig(folder: string, job: TrainingJob): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeJson(join(folder, 'hyperparameters.json'), asStrings(job.hyperparameters));
  await writeJson(join(folder, 'resourceconfig.json'), {
    current_host: 'algo-1',
    hosts: ['algo-1'],
    network_interface_name: 'lo',
  });
  const channels = Object.keys(job.channels).map((name) => [name, channelConfig]);
  await writeJson(join(folder, 'inputdataconfig.json'), Object.fromEntries(channels));
  const { key, model, delivery, attempt, features, seed } = job;
  const label = preparedColumns.label;
  const task = { key, model, delivery, attempt, features, label, seed };
  await writeJson(join(folder, 'perennial.json'), task);
}

/** Keys of the jobs that have a folder here, whosever they are. */
export async function listJobFolders(jobs: string): Promise<string[]> {
  await mkdir(jobs, { recursive: true });
  return (await readdir(jobs)).filter(isTrainingKey);
}

/** Removes a job's folder and drafts of it that a killed worker left. */
export async function removeJobFolder(jobs: string, key: string): Promise<void> {
  const { folder } = jobFolder(jobs, key);
  const drafts = (await readdir(jobs).catch(() => [])).filter((name) => name.startsWith(`${key}.`));
  // Whoever copies a checkpoint out of it holds a file there until that is done.
  const patience = { maxRetries: 8, retryDelay: 100 };
  for (const each of [folder, ...drafts.map((name) => join(jobs, name))])
    await rm(each, { recursive: true, force: true, ...patience });
}

/** The job that was laid out by this key; null when none was. */
export async function readJob(jobs: string, key: string): Promise<TrainingJob | null> {
  const content = await readJsonFile(jobFolder(jobs, key).job);
  return content === null ? null : trainingJob.parse(content);
}

/** The ranks of a job's replicas; of one that was never laid out that of the first. */
export async function ranksOf(jobs: string, key: string): Promise<number[]> {
  const job = await readJob(jobs, key);
  return Array.from({ length: job?.replicas ?? 1 }, (_, rank) => rank);
}

const channelConfig = {
  ContentType: 'application/x-parquet',
  TrainingInputMode: 'File',
  S3DistributionType: 'FullyReplicated',
  RecordWrapperType: 'None',
};

/** SageMaker hands every hyperparameter over as a string. */
function asStrings(values: TrainingJob['hyperparameters']): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

/** What the attempt before left on this machine, where the artifact store has nothing of it. */
async function carryCheckpoints(jobs: string, key: string, to: string): Promise<void> {
  const previous = keyOfPreviousAttempt(key);
  if (!previous) return;
  const from = join(jobFolder(jobs, previous).root, checkpointsFolder);
  const filter = async (source: string) => {
    const found = await lstat(source);
    // A pipe or a socket is no checkpoint and cannot be copied.
    return found.isFile() || found.isDirectory() || found.isSymbolicLink();
  };
  await cp(from, to, { recursive: true, verbatimSymlinks: true, filter }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    },
  );
}

/** Readers see the whole file or none. */
export async function writeJson(path: string, content: unknown): Promise<void> {
  const whole = `${path}.${randomUUID()}`;
  await writeFile(whole, JSON.stringify(content, null, 2));
  await rename(whole, path);
}

/** Null when there is no such file. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new PerennialError('INTERNAL', `${path} cannot be read.`, {}, { cause: error });
  }
}
