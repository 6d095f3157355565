import { progressLine, type ProgressLine } from '../contracts/training.js';
import { readLines } from './file-lines.js';
import { openPlainFile } from './plain-file.js';

/** Progress beyond this is a sign of life and no more: nobody reads a gigabyte of metrics, and the database need not hold it. */
const mostBytes = 16 * 1024 * 1024;

export interface ProgressRead {
  lines: ProgressLine[];
  /** Byte offset to read on from. */
  next: number;
}

/** New lines of `progress.jsonl` since a byte offset. A half line waits for its rest; a line that is not progress is passed over. */
export async function readProgress(path: string, since: number): Promise<ProgressRead> {
  if (since >= mostBytes) return { lines: [], next: Math.max(since, await sizeOf(path)) };
  const { lines, next } = await readLines(path, since);
  return { lines: lines.flatMap(({ line }) => parseProgress(line)), next };
}

async function sizeOf(path: string): Promise<number> {
  const file = await openPlainFile(path);
  if (!file) return 0;
  try {
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

function parseProgress(line: string): ProgressLine[] {
  try {
    const parsed = progressLine.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
