import { constants } from 'node:fs';
import { copyFile, cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PerennialError } from '../contracts/errors.js';
import { trainingJob, type TrainingJob } from '../contracts/training.js';
import { preparedColumns } from '../contracts/dataset.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import { keyOfPreviousAttempt } from './key.js';

/** Where the parts of one job lie; `root` is the trainer's `/opt/ml`. */
export interface JobFolder {
  folder: string;
  root: string;
  job: string;
  launch: string;
  process: string;
  exit: string;
  log: string;
}

export function jobFolder(jobs: string, key: string): JobFolder {
  if (!trainingJob.shape.key.safeParse(key).success)
    throw new RangeError(`Not the key of a training job: '${key}'`);
  const folder = join(jobs, key);
  return {
    folder,
    root: join(folder, 'ml'),
    job: join(folder, 'job.json'),
    launch: join(folder, 'launch.json'),
    process: join(folder, 'process.json'),
    exit: join(folder, 'exit.json'),
    log: join(folder, 'trainer.log'),
  };
}

export const outputFiles = {
  progress: join('output', 'progress.jsonl'),
  manifest: join('output', 'manifest.json'),
  failure: join('output', 'failure'),
} as const;

/**
 * Lays out `/opt/ml` as SageMaker's containers expect it, with the checkpoints of the attempt before.
 * `job.json` comes last: with it the folder is complete. Doing it again writes the same files.
 */
export async function prepareJobFolder(
  jobs: string,
  job: TrainingJob,
  artifacts: ArtifactStore,
): Promise<void> {
  const { root, job: jobFile } = jobFolder(jobs, job.key);
  const config = join(root, 'input', 'config');
  for (const each of [
    config,
    ...['model', 'checkpoints', 'output'].map((name) => join(root, name)),
  ])
    await mkdir(each, { recursive: true });
  await writeJson(join(config, 'hyperparameters.json'), asStrings(job.hyperparameters));
  await writeJson(join(config, 'resourceconfig.json'), {
    current_host: 'algo-1',
    hosts: ['algo-1'],
    network_interface_name: 'lo',
  });
  await writeJson(
    join(config, 'inputdataconfig.json'),
    Object.fromEntries(Object.keys(job.channels).map((name) => [name, channelConfig])),
  );
  await writeJson(join(config, 'perennial.json'), {
    key: job.key,
    model: job.model,
    delivery: job.delivery,
    attempt: job.attempt,
    features: job.features,
    label: preparedColumns.label,
    seed: job.seed,
  });
  for (const [name, ref] of Object.entries(job.channels)) {
    const folder = join(root, 'input', 'data', name);
    await mkdir(folder, { recursive: true });
    // A copy, by reference where the file system can: the trainer may do what it likes with it.
    const target = join(folder, 'part-0.parquet');
    await copyFile(await artifacts.localPath(ref), target, constants.COPYFILE_FICLONE);
  }
  await carryCheckpoints(jobs, job.key);
  await writeJson(jobFile, job);
}

/** The job that was laid out by this key; null when none was. */
export async function readJob(jobs: string, key: string): Promise<TrainingJob | null> {
  const content = await readJsonFile(jobFolder(jobs, key).job);
  return content === null ? null : trainingJob.parse(content);
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

async function carryCheckpoints(jobs: string, key: string): Promise<void> {
  const previous = keyOfPreviousAttempt(key);
  if (!previous) return;
  const from = join(jobFolder(jobs, previous).root, 'checkpoints');
  const to = join(jobFolder(jobs, key).root, 'checkpoints');
  await cp(from, to, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** Readers see the whole file or none. */
export async function writeJson(path: string, content: unknown): Promise<void> {
  const whole = `${path}.${process.pid}.partial`;
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
