import { setTimeout as delay } from 'node:timers/promises';
import type { LogChunk, LogPosition } from '../backend.js';
import { readLinesByRank } from '../file-lines.js';
import { jobFolder, ranksOf, readJob } from '../job-folder.js';
import type { Cluster } from './cluster.js';
import { readEnd } from './end.js';
import { listPods } from './find.js';
import { copyLog, isLogComplete, logCopy } from './log.js';
import type { PodObject } from './objects.js';
import { createRecent } from './recent.js';
import { hasEnded, newestByRank } from './state.js';

const lookMs = 200;
/** A log that is cut off as often as this is taken for ended there. */
const copyTries = 10;

/** What the pods of jobs say, kept in the jobs' folders, for a pod takes its own along. */
export function createOutput({
  cluster,
  jobs,
  lookEvery,
}: {
  cluster: Cluster;
  jobs: string;
  /** Milliseconds for which what was copied of a job that has not ended is good. */
  lookEvery: number;
}) {
  const copies = createRecent<true>(lookEvery);

  /** As the port has it. */
  async function read(key: string, since: LogPosition): Promise<LogChunk> {
    const over = (await readEnd(jobs, key)) !== null;
    const folder = jobFolder(jobs, key);
    const ranks = await ranksOf(jobs, key);
    const readCopies = (hasEnded: (rank: number) => boolean) => {
      const files = ranks.map((rank) => ({ path: folder.log(rank), ended: hasEnded(rank) }));
      return readLinesByRank(files, since);
    };
    if (over) {
      const complete = ranks.map((rank) => isLogComplete(logCopy(folder, rank)));
      if ((await Promise.all(complete)).every(Boolean)) return readCopies(() => true);
    } else if (copies.recall(key)) return readCopies(() => false);
    const ended = await copyFrom(key, (await listPods(cluster, key)).pods);
    if (over || ended.size === ranks.length) copies.forget(key);
    else copies.keep(key, true);
    return readCopies((rank) => over || ended.has(rank));
  }

  /** Returns the ranks whose pods had ended before their output was asked for. */
  async function copyFrom(key: string, pods: PodObject[]): Promise<Set<number>> {
    if (!(await readJob(jobs, key))) return new Set();
    const found = [...newestByRank(pods)];
    await Promise.all(found.map(([rank, pod]) => copyFromPod(key, rank, pod)));
    return new Set(found.filter(([, pod]) => hasEnded(pod)).map(([rank]) => rank));
  }

  async function copyFromPod(key: string, rank: number, pod: PodObject): Promise<void> {
    const { name, uid } = pod.metadata;
    const ended = hasEnded(pod);
    const copy = logCopy(jobFolder(jobs, key), rank);
    for (let tries = 0; tries < copyTries; tries += 1) {
      await copyLog(cluster, copy, { pod: name, uid, ended });
      // Of one that has ended the caller takes what is there for all there is.
      if (!ended || (await isLogComplete(copy))) break;
    }
  }

  /** The last words of a trainer that is told to stop go with its pod. */
  async function whileCopying<T>(key: string, stopping: Promise<T>): Promise<T> {
    const done = new AbortController();
    const copying = (async () => {
      while (!done.signal.aborted) {
        await copyFrom(key, (await listPods(cluster, key)).pods).catch(() => {});
        await delay(lookMs, undefined, { signal: done.signal }).catch(() => {});
      }
    })();
    try {
      return await stopping;
    } finally {
      done.abort();
      await copying.catch(() => {});
    }
  }

  return { read, whileCopying };
}
