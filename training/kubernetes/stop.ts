import { setTimeout as delay } from 'node:timers/promises';
import { PerennialError } from '../../contracts/errors.js';
import { Refusal, type Cluster } from './cluster.js';
import { findJob, jobsPath, listPods, podsPath, unlessMissing } from './find.js';
import { linesOf } from './lines.js';
import { label } from './manifest.js';
import { watchEvent, type PodObject } from './objects.js';
import { hasEnded } from './state.js';

/** How long a killed container may take to be gone; then its machine is taken for lost. */
const killMs = 30_000;
const lookMs = 100;
/** A watch ends by itself after this long, which costs one more look. */
const watchSeconds = 15;

/** The pods of a job that is being stopped: the last that was seen of each, and which of them still run. */
interface Seen {
  last: Map<string, PodObject>;
  left: Map<string, PodObject>;
}

/**
 * Tells every pod of a job to stop and, after `graceMs`, has them killed. Returns the last that was seen of each: the API server keeps
 * nothing of a pod that is gone, therefore they are watched while they go. A second run stops what is left.
 */
export async function stopPods(
  cluster: Cluster,
  key: string,
  graceMs: number,
): Promise<PodObject[]> {
  const seen: Seen = { last: new Map(), left: new Map() };
  const overdue = AbortSignal.timeout(graceMs + killMs);
  for (;;) {
    const { pods, version } = await listPods(cluster, key);
    seen.left.clear();
    for (const pod of pods) note(seen, pod);
    if (seen.left.size === 0) return [...seen.last.values()];
    // Zero means "forget it", whether its container still runs or not: only for machines that are lost.
    const seconds = overdue.aborted ? 0 : Math.max(1, Math.ceil(graceMs / 1_000));
    for (const pod of seen.left.values())
      if (overdue.aborted || !pod.metadata.deletionTimestamp)
        await deletePod(cluster, pod, seconds);
    if (overdue.aborted) await delay(lookMs);
    else await watchPods(cluster, key, version, seen, overdue);
  }
}

/** Follows the pods from `version` on until none runs or the watch breaks off, for whatever reason: the caller looks again. */
async function watchPods(
  cluster: Cluster,
  key: string,
  version: string,
  seen: Seen,
  signal: AbortSignal,
): Promise<void> {
  const query = {
    labelSelector: `${label.jobName}=${key}`,
    resourceVersion: version,
    watch: true,
    timeoutSeconds: watchSeconds,
  };
  const answer = await cluster
    .open({ path: podsPath, query, signal })
    .catch(async (error: unknown) => {
      // Too old a version, or no way through just now: whether the cluster is there at all, the next look tells.
      if (!signal.aborted && !isPassing(error)) throw error;
      await delay(lookMs);
      return null;
    });
  if (!answer) return;
  for await (const { line, whole } of linesOf(answer)) {
    if (!whole) return;
    const event = watchEvent.parse(JSON.parse(line.toString('utf8')));
    if (event.type === 'ERROR') return;
    if (event.type === 'BOOKMARK') continue;
    note(seen, event.object);
    if (event.type === 'DELETED') seen.left.delete(event.object.metadata.uid);
    if (seen.left.size === 0) return;
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof Refusal) return error.status === 410;
  return error instanceof PerennialError && error.code === 'ENGINE_UNAVAILABLE';
}

function note({ last, left }: Seen, pod: PodObject): void {
  const { uid } = pod.metadata;
  last.set(uid, pod);
  if (hasEnded(pod)) left.delete(uid);
  else left.set(uid, pod);
}

async function deletePod(cluster: Cluster, pod: PodObject, seconds: number): Promise<void> {
  const body = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: seconds };
  const path = `${podsPath}/${pod.metadata.name}`;
  await unlessMissing(cluster.ask({ method: 'DELETE', path, body }));
}

/** Removes the Job with all that belongs to it; returns when nothing of it is left. A second run finds nothing. */
export async function deleteJob(cluster: Cluster, key: string): Promise<void> {
  const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Foreground' };
  await unlessMissing(cluster.ask({ method: 'DELETE', path: `${jobsPath}/${key}`, body }));
  const deadline = performance.now() + killMs;
  while (await findJob(cluster, key)) {
    if (performance.now() > deadline)
      throw new PerennialError('ENGINE_UNAVAILABLE', `The cluster does not let go of ${key}.`);
    await delay(lookMs);
  }
}
