import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobStatus, ProgressLine, Supervision } from '../contracts/training.js';
import type { Clock } from '../runtime/clock.js';
import type { LogLine, TrainingBackend } from './backend.js';
import type { CheckpointKeeper } from './checkpoint-keeper.js';
import { keptLogBytes } from './file-lines.js';
import { outputFiles } from './job-folder.js';
import { readProgress } from './progress.js';

export interface JobExit {
  kind: 'exited';
  code: number;
  outOfMemory: boolean;
  /** Milliseconds. */
  took: number;
  image?: string | undefined;
  /** The engine's own words, where it ended the job and not the trainer. */
  reason?: string | undefined;
}

/** How a job's supervision ended; milliseconds. `gone` means that its traces vanished under us. */
export type JobEnd =
  | JobExit
  | { kind: 'hung'; silentFor: number }
  /** It spoke, but its step did not move. */
  | { kind: 'stalled'; step: number; stoodFor: number }
  | { kind: 'overdue'; after: number }
  /** Its GPUs are another training's by now; the sentence says whose. */
  | { kind: 'revoked'; sentence: string }
  /** A more urgent training has asked for its GPUs; the sentence says which. */
  | { kind: 'preempted'; sentence: string; exit: JobExit | null }
  /** Its search has no more use for it; the sentence says why. */
  | { kind: 'outdone'; sentence: string }
  /** Its money is spent; the sentence says which and what to do. */
  | { kind: 'unpaid'; sentence: string }
  | { kind: 'gone' };

/** Where a trainer stands by its own word, and when it said so. */
export interface Report {
  step: number;
  total: number | null;
  at: Date;
}

export interface SupervisionTask {
  backend: TrainingBackend;
  key: string;
  clock: Clock;
  /** Milliseconds: between two looks, of silence taken for hung, for the whole job, and for a trainer to stop when asked to. */
  every: number;
  hungAfter: number;
  /** Milliseconds that a step may stand still; undefined where the trainer promised nothing. */
  stalledAfter: number | undefined;
  timeout: number;
  grace: number;
  /** Where a predecessor stopped reading. */
  from: Supervision | undefined;
  record: {
    progress(lines: ProgressLine[]): Promise<void>;
    logs(lines: LogLine[]): Promise<void>;
  };
  /** What the trainer has reported over HTTP last; told anew, it is a sign of life. */
  reported(): Promise<Report | null>;
  checkpoints: Pick<CheckpointKeeper, 'look' | 'newest'>;
  /** Told at every look how many milliseconds the job has run; a sentence means that it may spend no more. */
  charge(clock: { startedAt: string; ran: number }): Promise<string | null>;
  /** A sentence where others did so much better that it is not worth its machine. */
  outdone(): Promise<string | null>;
  /** A sentence where the job holds its GPUs no more. */
  lost: () => string | null;
  /** A sentence where a more urgent one waits for its GPUs. */
  wanted: () => string | null;
  /** Told at every look. */
  beat(supervision: Supervision): void;
  /** Ends the watching, never the job: the caller decides about that. */
  signal: AbortSignal;
}

/**
 * Watches a submitted job to its end: hands on progress and output as they come, stops a trainer that is silent or over its time.
 * Rejects when `signal` is aborted; the job then runs on.
 */
export async function superviseJob(task: SupervisionTask): Promise<JobEnd> {
  const { backend, key, clock, every, hungAfter, stalledAfter, timeout, grace, signal } = task;
  const progressFile = join(backend.root(key), outputFiles.progress);
  const began = clock.now().getTime();
  let seen: Supervision = task.from ?? startOf(key);
  let lastSign = began;
  let lastReport = await task.reported();
  // A new worker does not give a stalled trainer its time anew.
  let lastStep = seen.steppedAt ?? began;

  async function readOn(): Promise<boolean> {
    const progress = await readProgress(progressFile, seen.progressOffset);
    if (progress.lines.length > 0) await task.record.progress(progress.lines);
    const since = [seen.logOffset, ...seen.replicaOffsets];
    const logs = await backend.logs(key, since);
    if (logs.lines.length > 0) await task.record.logs(logs.lines);
    const report = await task.reported();
    const reported = report !== null && report.at.getTime() !== lastReport?.at.getTime();
    lastReport = report;
    const spoken = logs.next.some((offset, rank) => offset > (since[rank] ?? 0));
    const moved = progress.next > seen.progressOffset || spoken || reported;
    const [logOffset = 0, ...replicaOffsets] = logs.next;
    const last = progress.lines.at(-1);
    const told = last ?? (reported ? report : undefined);
    const step = told?.step ?? seen.step;
    const total = told?.total ?? seen.total;
    if (step !== seen.step) lastStep = clock.now().getTime();
    task.checkpoints.look(step);
    seen = {
      key,
      step,
      total,
      progress: total === null ? null : Math.min(step / total, 1),
      steppedAt: lastStep,
      checkpoint: task.checkpoints.newest,
      message: last?.message ?? seen.message,
      progressOffset: progress.next,
      logOffset,
      replicaOffsets,
    };
    task.beat(seen);
    return moved;
  }

  async function stop(): Promise<void> {
    await whileBeating(() => task.beat(seen), backend.cancel(key, grace));
    while (await readOn());
  }

  for (;;) {
    signal.throwIfAborted();
    // Asked before reading: what an ended job wrote is then all there to be read. And timed before asking: so long it has run for certain.
    const asked = clock.now().getTime();
    const status = await backend.status(key);
    const moved = await readOn();
    const now = clock.now().getTime();
    if (moved || isLogFull(seen)) lastSign = now;
    const wanted = task.wanted();
    if (wanted !== null && (status.state === 'running' || status.state === 'waiting')) {
      await stop();
      return { kind: 'preempted', sentence: wanted, exit: exitOf(await backend.status(key)) };
    }
    switch (status.state) {
      case 'waiting':
        lastSign = lastStep = now;
        break;
      case 'gone':
        return { kind: 'gone' };
      case 'exited': {
        while (await readOn());
        const stopped = status.code === 0 ? null : await task.outdone();
        if (stopped !== null) return { kind: 'outdone', sentence: stopped };
        const exit = exitOf(status);
        // Asked to stop by a predecessor that did not live to see it.
        if (wanted !== null && status.code === 143)
          return { kind: 'preempted', sentence: wanted, exit };
        return exit ?? { kind: 'gone' };
      }
      case 'running': {
        const { startedAt } = status;
        const ran = asked - Date.parse(startedAt);
        const lost = task.lost();
        if (lost !== null) {
          await stop();
          return { kind: 'revoked', sentence: lost };
        }
        const outdone = await task.outdone();
        if (outdone !== null) {
          await stop();
          return { kind: 'outdone', sentence: outdone };
        }
        const sentence = await task.charge({ startedAt, ran });
        if (sentence !== null) {
          await stop();
          return { kind: 'unpaid', sentence };
        }
        if (ran > timeout) {
          await stop();
          return { kind: 'overdue', after: timeout };
        }
        if (now - lastSign > hungAfter) {
          await stop();
          return { kind: 'hung', silentFor: now - lastSign };
        }
        if (stalledAfter !== undefined && now - lastStep > stalledAfter) {
          await stop();
          return { kind: 'stalled', step: seen.step, stoodFor: now - lastStep };
        }
      }
    }
    await delay(every, undefined, { signal });
  }
}

/** Milliseconds; a third of the server's patience (workflows/timeouts.ts). Short work needs no sign, and one that tells nothing would hold up the next that does. */
const beatEvery = 3_500;

/** Work that itself says nothing, with a sign of life from time to time. */
export async function whileBeating<T>(beat: () => void, work: Promise<T>): Promise<T> {
  const timer = setInterval(beat, beatEvery);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

function exitOf(status: JobStatus): JobExit | null {
  if (status.state !== 'exited') return null;
  const { code, outOfMemory, image, reason, startedAt, finishedAt } = status;
  const took = Date.parse(finishedAt) - Date.parse(startedAt);
  return { kind: 'exited', code, outOfMemory, took, image, reason };
}

/** Whether a replica has said more than is kept: nobody can see any more whether it goes on speaking. */
function isLogFull({ logOffset, replicaOffsets }: Supervision): boolean {
  return [logOffset, ...replicaOffsets].some((offset) => offset > keptLogBytes);
}

function startOf(key: string): Supervision {
  return {
    key,
    step: 0,
    total: null,
    progress: null,
    steppedAt: null,
    checkpoint: null,
    message: '',
    progressOffset: 0,
    logOffset: 0,
    replicaOffsets: [],
  };
}
