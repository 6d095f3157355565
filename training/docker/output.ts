import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type Docker from 'dockerode';
import { unlessMissing } from './engine.js';

/** Of one attempt's output this much is kept; bytes. */
const limit = 16 * 1024 * 1024;
/** Enough of the beginning to see whether the engine still has it. */
const headBytes = 4_096;
const frameHeader = 8;

/**
 * Carries on the copy of a container's output in `file`, whose length says how far it goes. Every byte has its one place in it, so a
 * second run, and another worker at the same time, write the same bytes to the same places. Ends at 16 MiB with a line that says so,
 * and earlier where the engine has dropped the beginning meanwhile.
 */
export async function copyOutput(container: Docker.Container, file: string): Promise<void> {
  const copy = await open(file, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    const { size } = await copy.stat();
    if (size > limit) return;
    const framed = await unlessMissing(container.logs({ stdout: true, stderr: true }));
    if (!framed) return;
    const output = unframe(framed as unknown as Buffer);
    if (output.length <= size || !(await beginsWith(copy, output))) return;
    await writeAt(copy, output.subarray(size, limit), size);
    if (output.length > limit)
      await writeAt(copy, Buffer.from(`\nThe log is cut here, after ${limit} bytes.\n`), limit);
  } catch (error) {
    // A full disk costs lines of output, not the training.
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await copy.close();
  }
}

/** Both streams in the order of their arrival. Each frame: stream, three zeros, length in four bytes, content. */
export function unframe(framed: Buffer): Buffer {
  const contents: Buffer[] = [];
  for (let at = 0; at + frameHeader <= framed.length;) {
    const end = at + frameHeader + framed.readUInt32BE(at + 4);
    contents.push(framed.subarray(at + frameHeader, end));
    at = end;
  }
  return Buffer.concat(contents);
}

async function beginsWith(copy: FileHandle, output: Buffer): Promise<boolean> {
  const { buffer, bytesRead } = await copy.read(Buffer.alloc(headBytes), 0, headBytes, 0);
  return buffer.subarray(0, bytesRead).equals(output.subarray(0, bytesRead));
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
