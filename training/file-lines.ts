import type { LogChunk, LogPosition } from './backend.js';
import { readPlainFile } from './plain-file.js';

/** Of what one replica of an attempt says this much is kept, and behind it a line that says so; behind that, once it has ended, its last lines. */
export const keptLogBytes = 16 * 1024 * 1024;
/** Of its last lines this much at most, from a line's beginning on. */
export const keptEndBytes = 1 << 16;
/** An engine is asked for this many of them, for it tells lines and no bytes. */
export const keptEndLines = 1_000;
export const logCut = Buffer.from(`\nThe log is cut here, after ${keptLogBytes} bytes.\n`);
const endTitle = Buffer.from('Its last lines:\n');

const chunkBytes = 1 << 20;
/** Of many files each gives at least this much at once. */
const leastBytes = 1 << 16;
/** A longer line is cut: it is a picture or a mistake. */
const longestLine = 8_192;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** What stands behind `logCut` of one that has ended: the same bytes for the same last lines, whoever writes them. Also in wrapper.py. */
export function logEnd(lastLines: Buffer): Buffer {
  if (lastLines.length <= keptEndBytes) return Buffer.concat([endTitle, lastLines]);
  const end = lastLines.subarray(-keptEndBytes);
  return Buffer.concat([endTitle, end.subarray(end.indexOf(newline) + 1)]);
}

/**
 * Whole lines of a growing file from a byte offset on, each with the offset of its first byte. A half-written last line waits for
 * its rest unless `ended`. A line that is written over (a progress bar) is what stood there last, and is not waited for: a bar
 * that fills for an hour would be silence. A file that does not exist yet has no lines. Bytes that Postgres text cannot hold (NUL)
 * are left out.
 */
export async function readLines(
  path: string,
  since: number,
  { ended = false, most = chunkBytes }: { ended?: boolean; most?: number } = {},
): Promise<{ lines: { offset: number; line: string }[]; next: number }> {
  const bytes = (await readPlainFile(path, most, since)) ?? Buffer.alloc(0);
  const lines: { offset: number; line: string }[] = [];
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(newline, start);
    if (end === -1) break;
    lines.push({ offset: since + start, line: textOf(bytes.subarray(start, end)) });
    start = end + 1;
  }
  const full = bytes.length === most;
  // A line without an end that fills the chunk would be waited for for ever.
  if (start < bytes.length && ((ended && !full) || (full && start === 0))) {
    lines.push({ offset: since + start, line: textOf(bytes.subarray(start)) });
    start = bytes.length;
  }
  // One at the very end may be half of a line's end.
  const over = bytes.subarray(0, -1).lastIndexOf(carriageReturn);
  if (over >= start) {
    const line = textOf(bytes.subarray(start, over));
    if (line.trim() !== '') lines.push({ offset: since + start, line });
    start = over + 1;
  }
  return { lines, next: since + start };
}

/** The same of several files, that of rank 0 first. All together give no more at once than one would: what is read has to be stored between two heartbeats. */
export async function readLinesByRank(
  files: readonly { path: string; ended: boolean }[],
  since: LogPosition,
): Promise<LogChunk> {
  const most = Math.max(leastBytes, Math.floor(chunkBytes / files.length));
  const read = await Promise.all(
    files.map(({ path, ended }, rank) => readLines(path, since[rank] ?? 0, { ended, most })),
  );
  return {
    lines: read.flatMap(({ lines }, rank) => lines.map((line) => ({ rank, ...line }))),
    next: [...read.map(({ next }) => next), ...since.slice(files.length)],
  };
}

/** What a terminal would show of it, about: the last part that was written over no more. */
function textOf(bytes: Buffer): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === carriageReturn) end -= 1;
  const start = end === 0 ? 0 : bytes.lastIndexOf(carriageReturn, end - 1) + 1;
  const text = bytes.subarray(start, Math.min(end, start + longestLine)).toString('utf8');
  return text.replaceAll('\0', '');
}
