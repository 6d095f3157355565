import { setTimeout as delay } from 'node:timers/promises';
import type { JobStatus } from '../../contracts/training.js';
import type { ListedJob, TrainingBackend } from '../backend.js';
import { jobFolder, listJobFolders, readJob, removeJobFolder } from '../job-folder.js';
import { isTrainingKey } from '../key.js';
import { refuseRunning } from '../ownership.js';
import { readEnd, readLost, recordEnd, type Exited } from './end.js';
import { findJob, jobsPath, listAll, listPods, podsPath } from './find.js';
import { label, readLabels } from './manifest.js';
import { jobObject, podObject, type JobObject, type PodObject } from './objects.js';
import { createOutput } from './output.js';
import { createRecent } from './recent.js';
import { imageProblem, isOver, isUnseen, readState, readStopped } from './state.js';
import { deleteJob, stopPods } from './stop.js';
import { createSubmission, type Submission } from './submit.js';

const lookMs = 200;
/** How long the cluster may take to make up its mind about a Job whose pods are gone. */
const verdictMs = 5_000;
/** As the exit code of a configuration that the trainer cannot use: another attempt would fare no better. */
const unusable = 78;

/**
 * Trainings as Jobs of a Kubernetes cluster, whose pods mount the jobs' folder from a claim that the workers mount too. The Job's name
 * is the job's key, so that the cluster itself lets only one be. What the cluster forgets, a job's end and its output, is kept in
 * its folder. The cluster is asked at each look and not watched: a new worker then needs nothing that the one before knew.
 */
export function createKubernetesBackend({
  lookEvery = 2_000,
  ...submission
}: Submission & {
  /** Milliseconds for which what was seen of a job that has not ended is good. */
  lookEvery?: number;
}): TrainingBackend {
  const { cluster, jobs, installation } = submission;
  const states = createRecent<JobStatus>(lookEvery);
  const output = createOutput({ cluster, jobs, lookEvery });

  async function status(key: string): Promise<JobStatus> {
    const known = (await readEnd(jobs, key)) ?? states.recall(key);
    if (known) return known;
    const state = await look(key);
    if (state.state === 'running' || state.state === 'waiting') states.keep(key, state);
    else states.forget(key);
    return state;
  }

  async function look(key: string): Promise<JobStatus> {
    const job = await findJob(cluster, key);
    if (job && !isMine(job)) return { state: 'gone' };
    if (!job) return recordLost(key);
    const { pods } = await listPods(cluster, key);
    const problem = imageProblem(pods);
    if (problem !== undefined) return giveUp(key, job, problem);
    const state = readState(job, pods);
    return state.state === 'exited' ? recordEnd(jobs, key, state) : state;
  }

  /** A job whose image will never come is ended, for it would wait until somebody asks why. */
  async function giveUp(key: string, job: JobObject, problem: string): Promise<Exited> {
    const at = job.metadata.creationTimestamp;
    const reason = `The cluster cannot get the image: ${problem}`;
    const times = { startedAt: at, finishedAt: at };
    await deleteJob(cluster, key);
    return recordEnd(jobs, key, {
      state: 'exited',
      code: unusable,
      outOfMemory: false,
      ...times,
      reason,
    });
  }

  /** Of a Job that was made and is not there: somebody else deleted it. */
  async function recordLost(key: string): Promise<JobStatus> {
    const ended = await readLost(jobs, key);
    return ended ? recordEnd(jobs, key, ended) : { state: 'gone' };
  }

  async function cancel(key: string, graceMs: number): Promise<void> {
    const job = await findJob(cluster, key);
    if (!job || !isMine(job)) return;
    const { pods } = await listPods(cluster, key);
    const state = readState(job, pods);
    if (state.state === 'exited') {
      await recordEnd(jobs, key, state);
      return;
    }
    const stopped = await output.whileCopying(key, stopPods(cluster, key, graceMs));
    await recordEnd(jobs, key, readStopped(await findVerdict(job, stopped), stopped));
    await deleteJob(cluster, key);
  }

  /** The Job as it is once it knows the end of a pod that nobody saw end; as it was where nothing is to be waited for. */
  async function findVerdict(job: JobObject, stopped: PodObject[]): Promise<JobObject> {
    const deadline = performance.now() + verdictMs;
    let found: JobObject | null = job;
    while (found && !isOver(found) && stopped.some(isUnseen) && performance.now() < deadline) {
      await delay(lookMs);
      found = await findJob(cluster, job.metadata.name);
    }
    return found ?? job;
  }

  async function list(): Promise<ListedJob[]> {
    const selector = `${label.managedBy}=perennial,${label.installation}=${installation}`;
    const found = await listAll(cluster, jobsPath, selector, jobObject);
    const pods = await listAll(cluster, podsPath, selector, podObject);
    const standing = new Map(found.map((job) => [job.metadata.name, job]));
    const keys = new Set([...standing.keys(), ...(await listJobFolders(jobs))]);
    const listed = await Promise.all(
      [...keys].filter(isTrainingKey).map((key) =>
        describe(
          key,
          standing.get(key),
          pods.filter((pod) => pod.metadata.labels[label.jobName] === key),
        ),
      ),
    );
    return listed.flat();
  }

  /** Changes nothing: who only looks around must not end anything. */
  async function describe(
    key: string,
    job: JobObject | undefined,
    pods: PodObject[],
  ): Promise<ListedJob[]> {
    const laid = await readJob(jobs, key);
    const labels = job ? readLabels(job.metadata.annotations) : (laid?.labels ?? {});
    if (labels['installation'] !== installation) return [];
    const status = (await readEnd(jobs, key)) ??
      (job ? readState(job, pods) : await readLost(jobs, key)) ?? { state: 'gone' as const };
    const of = job?.metadata.labels ?? {};
    return [
      {
        key,
        model: laid?.model ?? of[label.model] ?? '',
        delivery: laid?.delivery ?? Number(of[label.delivery]),
        attempt: laid?.attempt ?? Number(of[label.attempt]),
        labels,
        status,
      },
    ];
  }

  async function remove(key: string): Promise<void> {
    states.forget(key);
    refuseRunning(key, await status(key));
    const job = await findJob(cluster, key);
    if (job && isMine(job)) await deleteJob(cluster, key);
    await removeJobFolder(jobs, key);
  }

  function isMine(job: JobObject): boolean {
    return job.metadata.labels[label.installation] === installation;
  }

  return {
    name: 'kubernetes',
    submit: createSubmission(submission),
    status,
    logs: output.read,
    cancel,
    list,
    remove,
    root: (key) => jobFolder(jobs, key).root,
  };
}
