import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import {
  keptEndBytes,
  keptEndLines,
  keptLogBytes as limit,
  logCut,
  logEnd,
} from '../file-lines.js';
import { readJsonFile, writeJson, type JobFolder } from '../job-folder.js';
import { Refusal, type Cluster } from './cluster.js';
import { linesOf } from './lines.js';
import { container } from './manifest.js';

/** Of new output, at most this much a call; bytes. */
const chunk = 4 * 1024 * 1024;
/** Two streams of one container may be written a little out of the order of their times; milliseconds. */
const overlap = 1_000;

/** How far the copy goes: `seen` lines of the answer to "what since `since`" lie in its first `size` bytes. */
const position = z.object({
  pod: z.string(),
  since: z.string().nullable(),
  seen: z.int().nonnegative(),
  size: z.int().nonnegative(),
  /** Nothing more will come. */
  complete: z.boolean(),
});
type Position = z.infer<typeof position>;

/** Where what one replica said is kept. */
export interface LogCopy {
  /** Path of the copy. */
  path: string;
  /** Path of the note on how far it goes. */
  position: string;
}

export function logCopy({ folder, log }: JobFolder, rank: number): LogCopy {
  const name = rank === 0 ? 'log-position.json' : `log-position-${rank}.json`;
  return { path: log(rank), position: join(folder, name) };
}

export interface LogSource {
  pod: string;
  uid: string;
  /** Whether the container has ended, known before it is asked for its output. */
  ended: boolean;
}

/**
 * Carries on the copy of a pod's output in the job's folder, so that a line keeps its offset whatever becomes of the pod. Every byte
 * has its one place: a second run, and another worker at the same time, write the same bytes to the same places. An answer that is
 * cut off counts as far as its last whole line. Ends at 16 MiB with a line that says so, and behind it the last lines of one that
 * has ended.
 */
export async function copyLog(
  cluster: Cluster,
  { path, position: noted }: LogCopy,
  { pod, uid, ended }: LogSource,
): Promise<void> {
  const before = await readPosition(noted);
  const full = before !== null && before.size > limit;
  if (before?.complete && (full || before.pod === uid)) return;
  if (full && !ended) return;
  // A job that its queue took back and let go again speaks on through another pod.
  const from =
    before?.pod === uid
      ? before
      : { pod: uid, since: null, seen: 0, size: before?.size ?? 0, complete: false };
  const answer = await openLog(cluster, pod, full ? { tailLines: keptEndLines } : sinceTime(from));
  if (!answer) return;
  const copy = await open(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    const after = full
      ? await keepEnd(copy, answer, from)
      : await carryOn(copy, answer, from, ended);
    if (after.size > from.size || after.complete) await writeJson(noted, after);
  } catch (error) {
    // A full disk costs lines of output, not the training.
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    answer.destroy();
    await copy.close();
  }
}

/** Whether the whole output has been copied, so that nobody need be asked for it. */
export async function isLogComplete(copy: LogCopy): Promise<boolean> {
  return (await readPosition(copy.position))?.complete ?? false;
}

async function carryOn(
  copy: FileHandle,
  answer: Readable,
  from: Position,
  ended: boolean,
): Promise<Position> {
  const fresh: Buffer[] = [];
  const times: number[] = [];
  let size = from.size;
  let complete = false;
  for await (const { line, whole, last } of linesOf(answer)) {
    if (last) complete = ended;
    if (line.length === 0 || (!whole && !complete)) break;
    const { time, content } = splitTime(line, times.at(-1) ?? 0);
    times.push(time);
    if (times.length <= from.seen) continue;
    fresh.push(content);
    size += content.length;
    if (size >= limit || size - from.size >= chunk) break;
  }
  const bytes = Buffer.concat(fresh);
  if (size >= limit) {
    await writeAt(copy, Buffer.concat([bytes.subarray(0, limit - from.size), logCut]), from.size);
    return { ...from, size: limit + logCut.length };
  }
  await writeAt(copy, bytes, from.size);
  const since = Math.floor(Math.max(0, ...times.slice(-1)) / 1_000) * 1_000 - overlap;
  if (since <= 0) return { ...from, size, complete };
  const seen = times.filter((time) => time >= since).length;
  return {
    ...from,
    since: new Date(since).toISOString().replace('.000', ''),
    seen,
    size,
    complete,
  };
}

async function keepEnd(copy: FileHandle, answer: Readable, from: Position): Promise<Position> {
  let lines: Buffer = Buffer.alloc(0);
  let complete = false;
  for await (const { line, last } of linesOf(answer)) {
    // One byte more tells that there was more.
    lines = Buffer.concat([lines, splitTime(line, 0).content]).subarray(-keptEndBytes - 1);
    complete = last;
  }
  if (!complete) return from;
  const end = logEnd(lines);
  await writeAt(copy, end, limit + logCut.length);
  return { ...from, size: limit + logCut.length + end.length, complete };
}

function sinceTime({ since }: Position): { sinceTime?: string } {
  return since === null ? {} : { sinceTime: since };
}

/** Null while there is no output to be had: the container has not started, or its pod is gone. */
async function openLog(
  cluster: Cluster,
  pod: string,
  part: { sinceTime?: string; tailLines?: number },
): Promise<Readable | null> {
  const query = { container, timestamps: true, ...part };
  const path = `/api/v1/namespaces/{namespace}/pods/${pod}/log`;
  return cluster.open({ path, query }).catch((error: unknown) => {
    if (error instanceof Refusal && [400, 404].includes(error.status)) return null;
    throw error;
  });
}

/** The engine writes a time before each line. */
function splitTime(line: Buffer, otherwise: number): { time: number; content: Buffer } {
  const space = line.indexOf(0x20);
  const time = Date.parse(line.subarray(0, Math.max(0, space)).toString('latin1'));
  if (Number.isNaN(time)) return { time: otherwise, content: line };
  return { time, content: line.subarray(space + 1) };
}

async function writeAt(file: FileHandle, content: Buffer, at: number): Promise<void> {
  for (let done = 0; done < content.length;) {
    const left = content.length - done;
    done += (await file.write(content, done, left, at + done)).bytesWritten;
  }
}

async function readPosition(path: string): Promise<Position | null> {
  const content = await readJsonFile(path);
  return content === null ? null : position.parse(content);
}
