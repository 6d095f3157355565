import { setTimeout as delay } from 'node:timers/promises';
import { PerennialError } from '../../contracts/errors.js';
import type { TrainingJob } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { layOutCode } from '../code-folder.js';
import { jobFolder, prepareJobFolder, readJob, removeJobFolder } from '../job-folder.js';
import { refuseForeign } from '../ownership.js';
import { openProgressDoorInside, type ProgressDoor } from '../progress-door.js';
import { handOver, trainerUser } from '../trainer-user.js';
import { Refusal, type Cluster } from './cluster.js';
import { readEnd, recordLaunch } from './end.js';
import { findJob, jobsPath, listPods, servicesPath } from './find.js';
import { jobManifest, readLabels, serviceManifest } from './manifest.js';
import { jobObject, type JobObject } from './objects.js';
import type { Placement } from './placement.js';
import { findUnplaced, imageProblem, readState } from './state.js';
import { deleteJob } from './stop.js';

const lookMs = 100;

export interface Submission {
  cluster: Cluster;
  /** `jobs` in the root of the claim, as this worker sees it. */
  jobs: string;
  installation: string;
  artifacts: ArtifactStore;
  claim: string;
  /** Kueue's LocalQueue; without one the cluster starts jobs as they come. */
  queue?: string | undefined;
  placement: Placement;
  /** Runs the trainers of specs that name no image; by digest. */
  image?: string | undefined;
  /** How long to wait to see that the cluster has the image, in milliseconds; what shows later ends the job. */
  settleMs?: number;
  /** Where trainers may report over HTTP, as pods reach it. */
  progressDoor?: ProgressDoor | undefined;
}

/** The way of a job into the cluster. Each step finds what the same step before it, by whomever, has done. */
export function createSubmission({
  cluster,
  jobs,
  installation,
  artifacts,
  claim,
  queue,
  placement,
  image: defaultImage,
  settleMs = 3_000,
  progressDoor,
}: Submission): (job: TrainingJob) => Promise<{ adopted: boolean }> {
  async function submit(asked: TrainingJob): Promise<{ adopted: boolean }> {
    const job = { ...asked, labels: { ...asked.labels, installation } };
    const laid = await readJob(jobs, job.key);
    if (laid) refuseForeign(laid.labels, job);
    if (await readEnd(jobs, job.key)) return { adopted: true };
    const found = await findJob(cluster, job.key);
    const made = found ? null : await create(job);
    const standing = found ?? made ?? (await findJob(cluster, job.key));
    if (!standing)
      throw new PerennialError('ENGINE_UNAVAILABLE', `The Job ${job.key} vanished again.`);
    refuseForeign(readLabels(standing.metadata.annotations), job);
    await recordLaunch(jobs, job.key);
    if ((job.replicas ?? 1) > 1) await letReplicasMeet(job, standing.metadata.uid);
    if (made) await settle(job.key);
    return { adopted: !made };
  }

  /** Null where another was faster. */
  async function create(job: TrainingJob): Promise<JobObject | null> {
    const image = job.image ?? defaultImage;
    if (image === undefined)
      throw new PerennialError(
        'IMAGE_NOT_FOUND',
        'The spec names no training.image, and PERENNIAL_TRAINER_IMAGE is not set.',
      );
    await prepareJobFolder(jobs, job, artifacts);
    const { root } = jobFolder(jobs, job.key);
    if (job.image === undefined) await layOutCode(root, job.trainer);
    const reporting = progressDoor && (await openProgressDoorInside(progressDoor, job.key, root));
    const user = trainerUser();
    await handOver(root, user);
    const told = { ...job, environment: { ...job.environment, ...reporting } };
    const body = jobManifest(told, {
      installation,
      image,
      claim,
      queue,
      placement,
      user: user.uid,
    });
    try {
      return jobObject.parse(await post(jobsPath, body));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 409) return null;
      await removeJobFolder(jobs, job.key);
      throw new PerennialError(
        'PLACEMENT_FAILED',
        `The cluster does not take the training ${job.key}: ${error.message}`,
      );
    }
  }

  async function letReplicasMeet(job: TrainingJob, uid: string): Promise<void> {
    await post(servicesPath, serviceManifest(job, installation, uid)).catch((error: unknown) => {
      if (!(error instanceof Refusal && error.status === 409)) throw error;
    });
  }

  /** Strictly: a field that the cluster does not know is refused and not passed over. */
  function post(path: string, body: unknown): Promise<unknown> {
    return cluster.ask({ method: 'POST', path, query: { fieldValidation: 'Strict' }, body });
  }

  /** Looks on until the job runs, or is known to wait for something other than its image. */
  async function settle(key: string): Promise<void> {
    const deadline = performance.now() + settleMs;
    while (performance.now() < deadline) {
      const job = await findJob(cluster, key);
      const { pods } = await listPods(cluster, key);
      const problem = imageProblem(pods);
      if (problem !== undefined) {
        await deleteJob(cluster, key);
        await removeJobFolder(jobs, key);
        throw new PerennialError('IMAGE_NOT_FOUND', `The cluster cannot get the image: ${problem}`);
      }
      if (!job || job.spec.suspend || findUnplaced(pods)) return;
      if (readState(job, pods).state !== 'waiting') return;
      await delay(lookMs);
    }
  }

  return submit;
}
