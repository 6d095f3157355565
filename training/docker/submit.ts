import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { PerennialError } from '../../contracts/errors.js';
import { isPinned } from '../../contracts/resources.js';
import type { TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { layOutCode } from '../code-folder.js';
import { jobFolder, prepareJobFolder, readJob, removeJobFolder } from '../job-folder.js';
import { refuseForeign } from '../ownership.js';
import { openProgressDoorInside, type ProgressDoor } from '../progress-door.js';
import { handOver, trainerUser } from '../trainer-user.js';
import { describeContainer, readLabels } from './container.js';
import { isPlacement, isRefusal, unavailable, wordsOf } from './engine.js';
import type { Containers, FoundContainer } from './find.js';
import { ensureImage } from './image.js';
import { isCreated } from './state.js';
import type { Stopping } from './stop.js';

const lookMs = 50;
/** How long a container whose name is taken may take to be there. */
const makeMs = 10_000;

export interface Submission {
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
}

/** The way of a job into its containers. Each step finds what the same step before it, by whomever, has done. */
export function createSubmission({
  engine,
  jobs,
  installation,
  artifacts,
  image: defaultImage,
  network = 'none',
  progressDoor,
  containers,
  stopping,
}: Submission & { containers: Containers; stopping: Stopping }): (
  job: TrainingJob,
) => Promise<{ adopted: boolean }> {
  const { inspect } = containers;

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
  async function create(job: TrainingJob): Promise<FoundContainer> {
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

  async function make(job: TrainingJob, image: string, rank: number): Promise<FoundContainer> {
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
  async function untilMade(key: string, rank: number): Promise<FoundContainer> {
    for (const deadline = performance.now() + makeMs; performance.now() < deadline;) {
      const made = await inspect(key, rank);
      if (made) return made;
      await delay(lookMs);
    }
    throw new PerennialError('ENGINE_UNAVAILABLE', `The container ${key} did not appear.`);
  }

  async function start(key: string, rank = 0): Promise<void> {
    try {
      await containers.of(key, rank).start();
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
    await stopping.cancel(key, 0);
    await stopping.removeAll(key);
    await removeJobFolder(jobs, key);
    return new PerennialError(
      'PLACEMENT_FAILED',
      `The engine does not take the training ${key}: ${wordsOf(error)}`,
    );
  }

  return submit;
}
