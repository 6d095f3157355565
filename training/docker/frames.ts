import type Docker from 'dockerode';
import { unlessMissing } from './engine.js';

/** What the engine took from one of the two streams at once: a line, or a part of a long one. */
export interface Frame {
  /** To the nanosecond, by the engine's clock. */
  time: string;
  content: Buffer;
}

const headerLength = 8;
/** `2026-01-01T10:00:00.000000000Z`, and a space. */
const timeLength = 30;

/** Both streams in the order of their arrival, all of them or the newest; none where the container is gone. */
export async function readFrames(container: Docker.Container, newest?: number): Promise<Frame[]> {
  const asked = { stdout: true, stderr: true, timestamps: true };
  const found = await unlessMissing(
    container.logs(newest === undefined ? asked : { ...asked, tail: newest }),
  );
  // Without `follow` the client answers with all of it at once.
  return found ? unframe(found as unknown as Buffer) : [];
}

/** Each frame: stream, three zeros, length in four bytes, time, content. One that was cut off is left out. */
export function unframe(framed: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + headerLength <= framed.length;) {
    const start = at + headerLength;
    const end = start + framed.readUInt32BE(at + 4);
    if (end > framed.length) break;
    const time = framed.toString('latin1', start, start + timeLength);
    frames.push({ time, content: framed.subarray(start + timeLength + 1, end) });
    at = end;
  }
  return frames;
}
