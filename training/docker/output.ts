import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type Docker from 'dockerode';
import { keptEndLines, keptLogBytes as limit, logCut, logEnd } from '../file-lines.js';
import { readFrames, type Frame } from './frames.js';

/** Enough of the beginning to see whether the engine still has it. */
const headBytes = 4_096;
/** Frames asked for from the end before all of them are: an engine sends every line as one of its own, which takes its time. */
const newest = [256, 8_192];
const mostMarks = 1_000;

/** How far a copy goes: its length, and the last frame in it, whose time makes it like no other. */
interface Mark {
  size: number;
  frame: Frame;
}

/**
 * Carries on the copy of a container's output in `file`, whose length says how far it goes. Every byte has its one place in it, so a
 * second run, and another worker at the same time, write the same bytes to the same places. Ends at 16 MiB with a line that says so,
 * and behind it the last lines of one that has `ended`; earlier where the engine has dropped the beginning meanwhile.
 */
export type CopyOutput = (
  container: Docker.Container,
  file: string,
  ended: boolean,
) => Promise<void>;

/** Remembers the last frame of each copy, to ask the engine for what is new alone. To forget one costs time and no line. */
export function createOutputCopies(): CopyOutput {
  const marks = new Map<string, Mark>();

  /** Returns the length of the copy. */
  async function carryOn(container: Docker.Container, file: string, copy: FileHandle) {
    const { size } = await copy.stat();
    if (size > limit) return size;
    const mark = marks.get(file);
    const known = mark?.size === size ? await framesAfter(container, mark.frame) : null;
    const frames = known ?? (await readFrames(container));
    const output = Buffer.concat(frames.map(({ content }) => content));
    const added = known ? output : await beyond(copy, size, output);
    await append(copy, size, added);
    const frame = frames.at(-1) ?? mark?.frame;
    if (marks.size > mostMarks) marks.clear();
    if (frame) marks.set(file, { size: size + added.length, frame });
    return size + added.length;
  }

  return async (container, file, ended) => {
    const copy = await open(file, constants.O_RDWR | constants.O_CREAT, 0o644);
    try {
      const size = await carryOn(container, file, copy);
      if (ended && size > limit) await keepEnd(container, copy);
    } catch (error) {
      // A full disk costs lines of output, not the training.
      if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    } finally {
      await copy.close();
    }
  };
}

/** What came after a frame; null where it is not among the newest. No clock is asked: that of an engine may be set back. */
async function framesAfter(container: Docker.Container, last: Frame): Promise<Frame[] | null> {
  for (const tail of newest) {
    const frames = await readFrames(container, tail);
    const at = frames.findLastIndex(
      ({ time, content }) => time === last.time && content.equals(last.content),
    );
    if (at !== -1) return frames.slice(at + 1);
    if (frames.length < tail) return null;
  }
  return null;
}

/** The whole output without what the copy has; nothing where it does not begin as the copy does. */
async function beyond(copy: FileHandle, size: number, output: Buffer): Promise<Buffer> {
  const { buffer, bytesRead } = await copy.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  const sameHead = buffer.subarray(0, bytesRead).equals(output.subarray(0, bytesRead));
  return sameHead ? output.subarray(size) : Buffer.alloc(0);
}

async function append(copy: FileHandle, size: number, added: Buffer): Promise<void> {
  await writeAt(copy, added.subarray(0, limit - size), size);
  if (size + added.length > limit) await writeAt(copy, logCut, limit);
}

async function keepEnd(container: Docker.Container, copy: FileHandle): Promise<void> {
  const frames = await readFrames(container, keptEndLines);
  if (frames.length === 0) return;
  const end = logEnd(Buffer.concat(frames.map(({ content }) => content)));
  await writeAt(copy, Buffer.concat([logCut, end]), limit);
}

async function writeAt(file: FileHandle, content: Buffer, position: number): Promise<void> {
  for (let done = 0; done < content.length;) {
    const { bytesWritten } = await file.write(
      content,
      done,
      content.length - done,
      position + done,
    );
    done += bytesWritten;
  }
}
