import type { JobStatus } from '../../contracts/training.js';
import { tellCulprit } from '../replicas.js';
import type { Exited } from './end.js';
import { completionIndex, container } from './manifest.js';
import type { Condition, JobObject, PodObject, Terminated } from './objects.js';

const disruption = 'DisruptionTarget';
/** As after SIGTERM: what ended the trainer was not the trainer, the next attempt goes on from its checkpoint. */
const disrupted = 143;
const killed = 137;
/** As a shell says of a command that is not there. */
const noCommand = 127;

/** A Job and its pods in the words of the port. The Job says whether it is over, its pods say how. */
export function readState(job: JobObject, pods: PodObject[]): JobStatus {
  const over = endOf(job);
  if (over) return readEnd(job, over, pods);
  if (job.spec.suspend) return { state: 'waiting', reason: 'Its queue holds it back.' };
  const started = pods.map(startOf).filter((time) => time !== null);
  if (started.length > 0) return { state: 'running', startedAt: earliest(started) };
  return { state: 'waiting', reason: whyWaiting(pods) };
}

/** What stands in the way of a pod that does not start, where it will never get out of the way by itself. */
export function imageProblem(pods: PodObject[]): string | undefined {
  for (const pod of pods) {
    const { reason = '', message = '' } = stateOf(pod).waiting ?? {};
    if (['ErrImageNeverPull', 'InvalidImageName'].includes(reason)) return message || reason;
    // A registry that is away is waited for; one that answers "not here" is not.
    if (['ErrImagePull', 'ImagePullBackOff'].includes(reason) && isMissing(message)) return message;
  }
  return undefined;
}

/** The pods whose output counts, by their ranks: the newest of each replica. */
export function newestByRank(pods: PodObject[]): Map<number, PodObject> {
  const birth = ({ metadata }: PodObject) => Date.parse(metadata.creationTimestamp);
  const byAge = pods.toSorted((one, other) => birth(one) - birth(other));
  return new Map(byAge.map((pod) => [rankOf(pod), pod]));
}

function rankOf({ metadata: { labels, annotations } }: PodObject): number {
  return Number(labels[completionIndex] ?? annotations[completionIndex] ?? 0);
}

export function hasEnded(pod: PodObject): boolean {
  const { phase = '' } = pod.status;
  return terminationOf(pod) !== undefined || phase === 'Succeeded' || phase === 'Failed';
}

export function isOver(job: JobObject): boolean {
  return endOf(job) !== undefined;
}

/** A pod that ran and went without leaving how it ended. */
export function isUnseen(pod: PodObject): boolean {
  return startOf(pod) !== null && !hasEnded(pod);
}

/** How a job that was stopped ended, by the last that was seen of its pods and by what the Job knows of them. */
export function readStopped(job: JobObject, pods: PodObject[]): Exited {
  const over = endOf(job);
  if (over) return readEnd(job, over, pods);
  const now = new Date().toISOString();
  const state = 'exited';
  const around = circumstances(
    job,
    { type: 'Stopped', status: 'True', lastTransitionTime: now },
    pods,
  );
  const started = pods.filter((pod) => startOf(pod) !== null);
  const reason = 'Stopped before it began.';
  if (started.length === 0)
    return { state, code: disrupted, outOfMemory: false, reason, ...around };
  const culprit = started.filter((pod) => terminationOf(pod)?.exitCode !== 0).toSorted(byBlame)[0];
  if (!culprit) return { state, code: 0, outOfMemory: false, ...around };
  return { state, ...readFailure(culprit, job), ...around };
}

/** How a container of ours ended; undefined while it has not. */
function terminationOf(pod: PodObject): Terminated | undefined {
  return stateOf(pod).terminated;
}

/** The end of a job whose pods ended as told: by its first pod that failed of itself, else by the Job's own words. */
function readEnd(job: JobObject, over: Condition, pods: PodObject[]): Exited {
  const around = circumstances(job, over, pods);
  const state = 'exited';
  if (over.type === 'Complete') return { state, code: 0, outOfMemory: false, ...around };
  const culprit = pods.filter(hasFailed).toSorted(byBlame)[0];
  if (culprit) return { state, ...readFailure(culprit, job), ...around };
  return { state, ...readVerdict(over), outOfMemory: false, ...around };
}

/** How one pod failed, for itself or as the first of several. */
function readFailure(
  pod: PodObject,
  job: JobObject,
): Pick<Exited, 'code' | 'outOfMemory' | 'reason'> {
  const ended = terminationOf(pod);
  const broken = conditionOf(pod.status.conditions, disruption);
  if (broken || pod.status.reason === 'Evicted')
    return {
      code: disrupted,
      outOfMemory: false,
      reason: wordsOf(broken ?? pod.status),
    };
  const outOfMemory = ended?.reason === 'OOMKilled';
  const unstarted = ['StartError', 'ContainerCannotRun'].includes(ended?.reason ?? '');
  const code = unstarted ? noCommand : (ended?.exitCode ?? killed);
  const culprit =
    job.spec.completions > 1 ? tellCulprit(rankOf(pod), { code, outOfMemory }) : undefined;
  const reason = ended ? (engineWords(ended) ?? culprit) : wordsOf(pod.status);
  return { code, outOfMemory, ...(reason === undefined ? {} : { reason }) };
}

/** Pods may be gone before we look; the rule that ended the Job left its reason in the condition's message. */
function readVerdict(over: Condition): Pick<Exited, 'code' | 'reason'> {
  const reason = wordsOf(over);
  const [, code] = /failed with exit code (\d+)/.exec(reason) ?? [];
  if (code !== undefined) return { code: Number(code), reason };
  return { code: reason.includes(disruption) ? disrupted : killed, reason };
}

/** "Error" and "Completed" say no more than the exit code does. */
function engineWords({ reason, message }: Terminated): string | undefined {
  const told = reason !== undefined && !['Error', 'Completed', 'OOMKilled'].includes(reason);
  return told ? [reason, message].filter(Boolean).join(': ') : undefined;
}

function whyWaiting(pods: PodObject[]): string {
  if (pods.length === 0) return 'The cluster has not made a pod yet.';
  const unplaced = findUnplaced(pods);
  const unstarted = pods.map((pod) => stateOf(pod).waiting).find((each) => each !== undefined);
  const cause = unplaced ?? unstarted;
  return cause ? wordsOf(cause) : 'The pod waits for a machine.';
}

/** The scheduler's words where no machine has room for a pod. */
export function findUnplaced(pods: PodObject[]): Condition | undefined {
  return pods
    .flatMap(({ status }) => status.conditions)
    .find(({ type, status }) => type === 'PodScheduled' && status === 'False');
}

function endOf(job: JobObject): Condition | undefined {
  const { conditions } = job.status;
  return conditionOf(conditions, 'Complete') ?? conditionOf(conditions, 'Failed');
}

function conditionOf(conditions: Condition[], type: string): Condition | undefined {
  return conditions.find((each) => each.type === type && each.status === 'True');
}

function stateOf(pod: PodObject): PodObject['status']['containerStatuses'][number]['state'] {
  return pod.status.containerStatuses.find(({ name }) => name === container)?.state ?? {};
}

function hasFailed(pod: PodObject): boolean {
  const ended = terminationOf(pod);
  return ended ? ended.exitCode !== 0 : pod.status.phase === 'Failed';
}

/** One that failed by itself before those that were then told to stop. */
function byBlame(one: PodObject, other: PodObject): number {
  const told = (pod: PodObject) => (pod.metadata.deletionTimestamp ? 1 : 0);
  const at = (pod: PodObject) => Date.parse(terminationOf(pod)?.finishedAt ?? '') || Infinity;
  return told(one) - told(other) || at(one) - at(other) || 0;
}

function startOf(pod: PodObject): string | null {
  const { running, terminated } = stateOf(pod);
  return running?.startedAt ?? terminated?.startedAt ?? null;
}

/** When it ran, and in what. A job never ends before it began, whatever the clocks of its machines say. */
function circumstances(job: JobObject, over: Condition, pods: PodObject[]) {
  const started = pods.map(startOf).filter((time) => time !== null);
  const finished = pods.map((pod) => terminationOf(pod)?.finishedAt ?? null);
  const startedAt = earliest([
    ...started,
    ...(started.length > 0 ? [] : [job.metadata.creationTimestamp]),
  ]);
  const known = finished.filter((time) => time !== null).toSorted();
  const finishedAt = known.at(-1) ?? over.lastTransitionTime ?? startedAt;
  const image = job.spec.template?.spec.containers[0]?.image;
  return {
    startedAt,
    finishedAt: finishedAt > startedAt ? finishedAt : startedAt,
    ...(image === undefined ? {} : { image }),
  };
}

function earliest(times: string[]): string {
  return times.toSorted()[0] ?? new Date(0).toISOString();
}

function wordsOf({
  reason,
  message,
}: { reason?: string | undefined; message?: string | undefined } = {}): string {
  return [reason, message].filter(Boolean).join(': ') || 'The cluster gives no reason.';
}

function isMissing(message: string): boolean {
  return /not found|manifest unknown|does not exist|pull access denied|invalid reference/i.test(
    message,
  );
}
