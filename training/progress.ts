import { progressLine, type ProgressLine } from '../contracts/training.js';
import { readLines } from './file-lines.js';

export interface ProgressRead {
  lines: ProgressLine[];
  /** Byte offset to read on from. */
  next: number;
}

/** New lines of `progress.jsonl` since a byte offset. A half line waits for its rest; a line that is not progress is passed over. */
export async function readProgress(path: string, since: number): Promise<ProgressRead> {
  const { lines, next } = await readLines(path, since);
  return { lines: lines.flatMap(({ line }) => parseProgress(line)), next };
}

function parseProgress(line: string): ProgressLine[] {
  try {
    const parsed = progressLine.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
