import { mkdir, readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { PerennialError } from '../../contracts/errors.js';
import { isPinned } from '../../contracts/resources.js';
import type { JobStatus, TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { ListedJob, LogChunk, TrainingBackend } from '../backend.js';
import { layOutCode } from '../code-folder.js';
import { readLines } from '../file-lines.js';
import { jobFolder, prepareJobFolder, readJob, removeJobFolder } from '../job-folder.js';
import { isTrainingKey } from '../key.js';
import { refuseForeign } from '../ownership.js';
import { openProgressDoorInside, type ProgressDoor } from '../progress-door.js';
import { handOver, trainerUser } from '../trainer-user.js';
import { describeContainer, labelFilter, labelsOf, readLabels } from './container.js';
import { isRefusal, unavailable, unlessMissing, wordsOf } from './engine.js';
import { ensureImage } from './image.js';
import { createOutputCopies } from './output.js';
import { isCreated, readState } from './state.js';

const lookMs = 50;
/** How long a killed container may take to be gone. */
const killMs = 30_000;
/** How long a container whose name is taken may take to be there. */
const makeMs = 10_000;

/**
 * Trainings as containers of an engine that sees the jobs' folder by the same path. The container's name is the job's key, so that
 * the engine itself lets only one be; a worker killed at any moment finds it again there.
 */
export function createDockerBackend({
  engine,
  jobs,
  installation,
  artifacts,
  image: defaultImage,
  network = 'none',
  progressDoor,
}: {
  engine: Docker;
  /** Folder for the job folders; the same for every worker of this engine. */
  jobs: string;
  installation: string;
  artifacts: ArtifactStore;
  /** Runs the trainers of specs that name no image; by digest or id. */
  image?: string | undefined;
  network?: string;
  /** Where trainers may report over HTTP, as containers of that network reach it. */
  progressDoor?: ProgressDoor | undefined;
}): TrainingBackend {
  const copyOutput = createOutputCopies();

  async function submit(asked: TrainingJob): Promise<{ adopted: boolean }> {
    const job = { ...asked, labels: { ...asked.labels, installation } };
    const found = (await inspect(job.key)) ?? (await create(job));
    refuseForeign(readLabels(found.Config.Labels), job);
    if (!isCreated(found)) return { adopted: true };
    await start(job);
    return { adopted: false };
  }

  /** The container of this name, whoever made it: of many who ask at once the engine lets one be the first. */
  async function create(job: TrainingJob): Promise<Docker.ContainerInspectInfo> {
    if ((job.replicas ?? 1) > 1)
      throw new PerennialError(
        'PLACEMENT_FAILED',
        `The docker backend trains on one machine; asked were ${job.replicas} replicas.`,
      );
    const image = job.image ?? defaultImage;
    if (image === undefined)
      throw new PerennialError(
        'IMAGE_NOT_FOUND',
        'The spec names no training.image, and PERENNIAL_TRAINER_IMAGE is not set.',
      );
    if (!isPinned(image))
      throw new PerennialError(
        'IMAGE_NOT_PINNED',
        `The spec was applied with the image ${image}, a tag: apply it again under this backend.`,
      );
    await ensureImage(engine, image);
    const laid = await readJob(jobs, job.key);
    if (laid) refuseForeign(laid.labels, job);
    else await prepareJobFolder(jobs, job, artifacts);
    const { root } = jobFolder(jobs, job.key);
    if (job.image === undefined) await layOutCode(root, job.trainer);
    const reporting = progressDoor && (await openProgressDoorInside(progressDoor, job.key, root));
    const user = trainerUser();
    await handOver(root, user);
    const told = { ...job, environment: { ...job.environment, ...reporting } };
    await engine
      .createContainer(describeContainer(told, { image, root, user: user.name, network }))
      .catch(async (error: unknown) => {
        if (isRefusal(error, 409)) return;
        if (isRefusal(error, 400)) throw await undone(job.key, error);
        throw unavailable(error);
      });
    return untilMade(job.key);
  }

  /** An engine gives a name away a moment before it knows the container. */
  async function untilMade(key: string): Promise<Docker.ContainerInspectInfo> {
    for (const deadline = performance.now() + makeMs; performance.now() < deadline;) {
      const made = await inspect(key);
      if (made) return made;
      await delay(lookMs);
    }
    throw new PerennialError('ENGINE_UNAVAILABLE', `The container ${key} did not appear.`);
  }

  async function start({ key }: TrainingJob): Promise<void> {
    try {
      await containerOf(key).start();
    } catch (error) {
      // It runs already.
      if (isRefusal(error, 304)) return;
      if (!isRefusal(error, 400, 404, 500)) throw unavailable(error);
      // A command that cannot be started is the job's end, and read like every other end.
      const found = await inspect(key);
      if (found && !isCreated(found)) return;
      if (isRefusal(error, 404) || !isPlacement(error)) throw unavailable(error);
      throw await undone(key, error);
    }
  }

  /** Takes back what was begun for a job that the engine will never run. */
  async function undone(key: string, error: unknown): Promise<PerennialError> {
    await remove(key);
    return new PerennialError(
      'PLACEMENT_FAILED',
      `The engine does not take the training ${key}: ${wordsOf(error)}`,
    );
  }

  /** A name that is no key would lead the client to some other address. */
  function containerOf(key: string): Docker.Container {
    if (!isTrainingKey(key)) throw new RangeError(`Not the key of a training job: '${key}'`);
    return engine.getContainer(key);
  }

  async function inspect(key: string): Promise<Docker.ContainerInspectInfo | null> {
    return unlessMissing(containerOf(key).inspect());
  }

  async function status(key: string): Promise<JobStatus> {
    const found = await inspect(key);
    return found && isMine(found) ? readState(found) : { state: 'gone' };
  }

  function isMine({ Config }: Docker.ContainerInspectInfo): boolean {
    return readLabels(Config.Labels)['installation'] === installation;
  }

  async function logs(key: string, since: number): Promise<LogChunk> {
    const found = await inspect(key);
    const { log } = jobFolder(jobs, key);
    if (found && isMine(found)) await copyOutput(containerOf(key), log);
    return readLines(log, since, { ended: !found?.State.Running });
  }

  async function cancel(key: string, graceMs: number): Promise<void> {
    if ((await status(key)).state === 'waiting') {
      await removeContainer(key);
      return;
    }
    for (const [signal, waitMs] of [
      ['SIGTERM', graceMs],
      ['SIGKILL', killMs],
    ] as const) {
      if ((await status(key)).state !== 'running') return;
      await containerOf(key)
        .kill({ signal })
        .catch((error: unknown) => {
          // It has ended, or is gone, in between.
          if (!isRefusal(error, 404, 409)) throw unavailable(error);
        });
      await untilEnded(key, waitMs);
    }
  }

  /** By a clock that nobody sets. */
  async function untilEnded(key: string, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline && (await status(key)).state === 'running')
      await delay(lookMs);
  }

  async function list(): Promise<ListedJob[]> {
    await mkdir(jobs, { recursive: true });
    const containers = await engine
      .listContainers({ all: true, filters: labelFilter(installation) })
      .catch((error: unknown) => {
        throw unavailable(error);
      });
    const names = containers.flatMap(({ Names }) => Names.map((name) => name.replace(/^\//, '')));
    const keys = new Set([...names, ...(await readdir(jobs))]);
    const listed = await Promise.all([...keys].filter(isTrainingKey).map(describe));
    return listed.flat();
  }

  /** A folder whose container is gone is a trace, too. */
  async function describe(key: string): Promise<ListedJob[]> {
    const [container, laid] = await Promise.all([inspect(key), readJob(jobs, key)]);
    const labels = container ? readLabels(container.Config.Labels) : labelsOf(laid);
    if (labels['installation'] !== installation) return [];
    const { model = '', delivery, attempt } = labels;
    const status: JobStatus = container ? readState(container) : { state: 'gone' };
    return [{ key, model, delivery: Number(delivery), attempt: Number(attempt), labels, status }];
  }

  async function remove(key: string): Promise<void> {
    const { state } = await status(key);
    if (state === 'running')
      throw new PerennialError('INTERNAL', `The training ${key} still runs: cancel it first.`);
    await removeContainer(key);
    await removeJobFolder(jobs, key);
  }

  async function removeContainer(key: string): Promise<void> {
    const found = await inspect(key);
    if (!found || !isMine(found)) return;
    // Another janitor may be at it.
    await containerOf(key)
      .remove({ v: true })
      .catch((error: unknown) => {
        if (!isRefusal(error, 404) && !/already in progress/.test(wordsOf(error)))
          throw unavailable(error);
      });
  }

  return {
    name: 'docker',
    submit,
    status,
    logs,
    cancel,
    list,
    remove,
    root: (key) => jobFolder(jobs, key).root,
  };
}

/** Whether the engine could not find what the job asked of the machine; everything else may be better in a minute. */
function isPlacement(error: unknown): boolean {
  return /device driver|nvidia|unknown device|no such device|gpu/i.test(wordsOf(error));
}
