import type { LogChunk } from './backend.js';
import { readPlainFile } from './plain-file.js';

const chunkBytes = 1 << 20;
/** A longer line is cut: it is a picture or a mistake. */
const longestLine = 8_192;
const newline = 0x0a;

/**
 * Whole lines of a growing file from a byte offset on, each with the offset of its first byte. A half-written last line waits for
 * its rest unless `ended`. A file that does not exist yet has no lines. Bytes that Postgres text cannot hold (NUL) are left out.
 */
export async function readLines(
  path: string,
  since: number,
  { ended = false }: { ended?: boolean } = {},
): Promise<LogChunk> {
  const bytes = (await readPlainFile(path, chunkBytes, since)) ?? Buffer.alloc(0);
  const lines: LogChunk['lines'] = [];
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(newline, start);
    if (end === -1) break;
    lines.push({ offset: since + start, line: textOf(bytes.subarray(start, end)) });
    start = end + 1;
  }
  const full = bytes.length === chunkBytes;
  // A line without an end that fills the chunk would be waited for for ever.
  if (start < bytes.length && ((ended && !full) || (full && start === 0))) {
    lines.push({ offset: since + start, line: textOf(bytes.subarray(start)) });
    start = bytes.length;
  }
  return { lines, next: since + start };
}

function textOf(bytes: Buffer): string {
  return bytes.subarray(0, longestLine).toString('utf8').replaceAll('\0', '').replace(/\r$/, '');
}
