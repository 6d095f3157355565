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
import { isPlacement, isRefusal, unavailable, unlessMissing, wordsOf } from './engine.js';
import { ensureImage } from './image.js';
import { createOutputCopies } from './output.js';
import { containerName, findLeftBehind, readJobState } from './replicas.js';
import { isCreated } from './state.js';

const lookMs = 50;
/** How long a killed container may take to be gone. */
const killMs = 30_000;
/** How long the others may take to stop once one replica has failed; seconds. */
const replicaGrace = 20;
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
  /** Jobs whose containers were told to stop: to forget one only tells them again. */
  const ending = new Set<string>();

  async function submit(asked: TrainingJob): Promise<{ adopted: boolean }> {
    const job = { ...asked, labels: { ...asked.labels, installation } };
    const found = (await inspect(job.key)) ?? (await create(job));
    refuseForeign(readLabels(found.Config.Labels), job);
    const adopted = !isCreated(found);
    if (!adopted) await start(job.key);
    if ((job.replicas ?? 1) > 1) await letReplicasJoin(job);
    return { adopted };
  }

  /** Makes and starts what is not there yet of the other replicas, as long as there is a first one to join. */
  async function letReplicasJoin(job: TrainingJob): Promise<void> {
    for (let rank = 1; rank < (job.replicas ?? 1); rank += 1) {
      const first = await inspect(job.key);
      if (!first?.State.Running) return;
      const image = first.Config.Image;
      const found = (await inspect(job.key, rank)) ?? (await make(job, image, rank));
      if (isCreated(found)) await start(job.key, rank);
    }
  }

  /** The container of this name, whoever made it: of many who ask at once the engine lets one be the first. */
  async function create(job: TrainingJob): Promise<Docker.ContainerInspectInfo> {
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
    await handOver(root, trainerUser());
    return make({ ...job, environment: { ...job.environment, ...reporting } }, image, 0);
  }

  async function make(
    job: TrainingJob,
    image: string,
    rank: number,
  ): Promise<Docker.ContainerInspectInfo> {
    const { root } = jobFolder(jobs, job.key);
    const around = { image, root, user: trainerUser().name, network };
    await engine
      .createContainer(describeContainer(job, around, rank))
      .catch(async (error: unknown) => {
        if (isRefusal(error, 409)) return;
        if (isRefusal(error, 400)) throw await undone(job.key, error);
        throw unavailable(error);
      });
    return untilMade(job.key, rank);
  }

  /** An engine gives a name away a moment before it knows the container. */
  async function untilMade(key: string, rank: number): Promise<Docker.ContainerInspectInfo> {
    for (const deadline = performance.now() + makeMs; performance.now() < deadline;) {
      const made = await inspect(key, rank);
      if (made) return made;
      await delay(lookMs);
    }
    throw new PerennialError('ENGINE_UNAVAILABLE', `The container ${key} did not appear.`);
  }

  async function start(key: string, rank = 0): Promise<void> {
    try {
      await containerOf(key, rank).start();
    } catch (error) {
      // It runs already.
      if (isRefusal(error, 304)) return;
      // The first has ended meanwhile: there is nobody to join, and how it ended is known.
      if (rank > 0 && !(await inspect(key))?.State.Running) return;
      if (!isRefusal(error, 400, 404, 500)) throw unavailable(error);
      // A command that cannot be started is the job's end, and read like every other end.
      const found = await inspect(key, rank);
      if (found && !isCreated(found)) return;
      if (isRefusal(error, 404) || !isPlacement(error)) throw unavailable(error);
      throw await undone(key, error);
    }
  }

  /** Takes back what was begun for a job that the engine will never run. */
  async function undone(key: string, error: unknown): Promise<PerennialError> {
    await cancel(key, 0);
    await remove(key);
    return new PerennialError(
      'PLACEMENT_FAILED',
      `The engine does not take the training ${key}: ${wordsOf(error)}`,
    );
  }

  /** A name that is no key would lead the client to some other address. */
  function containerOf(key: string, rank = 0): Docker.Container {
    if (!isTrainingKey(key)) throw new RangeError(`Not the key of a training job: '${key}'`);
    return engine.getContainer(containerName(key, rank));
  }

  async function inspect(key: string, rank = 0): Promise<Docker.ContainerInspectInfo | null> {
    return unlessMissing(containerOf(key, rank).inspect());
  }

  /** What there is of a job's containers, by their ranks. */
  async function inspectAll(key: string): Promise<Docker.ContainerInspectInfo[]> {
    const first = await inspect(key);
    const known = first ? readLabels(first.Config.Labels) : labelsOf(await readJob(jobs, key));
    const ranks = Array.from({ length: Number(known['replicas'] ?? 1) - 1 }, (_, rank) => rank + 1);
    const others = await Promise.all(ranks.map((rank) => inspect(key, rank)));
    return [first, ...others].filter((each) => each !== null).filter(isMine);
  }

  async function status(key: string): Promise<JobStatus> {
    const containers = await inspectAll(key);
    if (!ending.has(key)) endTogether(key, findLeftBehind(containers));
    return readJobState(containers);
  }

  /** The engine itself kills those that do not stop within their grace. */
  function endTogether(key: string, containers: Docker.ContainerInspectInfo[]): void {
    for (const { Id } of containers) {
      ending.add(key);
      // One that was not told is found again at the next look.
      engine
        .getContainer(Id)
        .stop({ t: replicaGrace })
        .catch(() => ending.delete(key));
    }
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
      await removeContainers(key);
      return;
    }
    ending.add(key);
    for (const [signal, waitMs] of [
      ['SIGTERM', graceMs],
      ['SIGKILL', killMs],
    ] as const) {
      const running = (await inspectAll(key)).filter(({ State }) => State.Running);
      if (running.length === 0) return;
      await Promise.all(running.map(({ Id }) => tell(Id, signal)));
      await untilEnded(key, waitMs);
    }
  }

  async function tell(id: string, signal: NodeJS.Signals): Promise<void> {
    await engine
      .getContainer(id)
      .kill({ signal })
      .catch((error: unknown) => {
        // It has ended, or is gone, in between.
        if (!isRefusal(error, 404, 409)) throw unavailable(error);
      });
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
    const [containers, laid] = await Promise.all([inspectAll(key), readJob(jobs, key)]);
    const [container] = containers;
    const labels = container ? readLabels(container.Config.Labels) : labelsOf(laid);
    if (labels['installation'] !== installation) return [];
    const { model = '', delivery, attempt } = labels;
    const status = readJobState(containers);
    return [{ key, model, delivery: Number(delivery), attempt: Number(attempt), labels, status }];
  }

  async function remove(key: string): Promise<void> {
    const { state } = await status(key);
    if (state === 'running')
      throw new PerennialError('INTERNAL', `The training ${key} still runs: cancel it first.`);
    await removeContainers(key);
    await removeJobFolder(jobs, key);
    ending.delete(key);
  }

  /** That of rank 0 goes last: by it the others are found. */
  async function removeContainers(key: string): Promise<void> {
    for (const { Id } of (await inspectAll(key)).toReversed()) await removeContainer(Id);
  }

  async function removeContainer(id: string): Promise<void> {
    // Another janitor may be at it.
    await engine
      .getContainer(id)
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
