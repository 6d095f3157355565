/** Where a reading of a log stands: the attempt, and of each of its replicas, by rank, the offset of the last line that was read. */
export interface LogCursor {
  trial: number;
  attempt: number;
  /** Null where nothing of that replica was read yet. */
  offsets: (number | null)[];
}

/** Reads `trial:attempt:offset,offset…` as contracts/overview.ts has it. Another trial than `trial` is read from its beginning. */
export function readLogCursor(text: string, trial: number): LogCursor {
  const [offsets = '', attempt = 0, before = 0] = text.split(':').toReversed();
  if (Number(before) !== trial) return { trial, attempt: 0, offsets: [] };
  const read = offsets.split(',').map((each) => (each === '' ? null : Number(each)));
  return { trial, attempt: Number(attempt), offsets: read };
}

/** The cursor behind these lines, which were read from `cursor` on. */
export function writeLogCursor(
  cursor: LogCursor,
  lines: readonly { attempt: number; rank: number; offset: number }[],
): string {
  const attempt = lines.at(-1)?.attempt ?? cursor.attempt;
  const offsets = attempt === cursor.attempt ? [...cursor.offsets] : [];
  for (const line of lines) if (line.attempt === attempt) offsets[line.rank] = line.offset;
  const last = Array.from(offsets, (offset) => offset ?? '').join(',');
  return `${cursor.trial > 0 ? `${cursor.trial}:` : ''}${attempt}:${last}`;
}
