import {
  close,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A closed file of the journal: whole tuples, in the order of their numbers. */
export interface Segment {
  path: string;
  /** Sequence number of its last row. */
  last: number;
  rows: number;
  bytes: number;
}

/**
 * What one run of a gateway answered, in files that a kill leaves behind. Writes are synchronous on purpose: one short write to
 * the page cache a tick, and the answers behind it are safe from a kill (not from a power cut: nothing is fsynced).
 */
export interface Journal {
  /** Keeps the tuples; false when the bound is reached or the disk refuses, and then nothing of them is kept. */
  append(tuples: Buffer, last: number, rows: number): boolean;
  /** Counts answered rows that were not kept, where a kill leaves the number behind too. */
  countDropped(rows: number): void;
  /** Closes the open file and gives all closed ones, oldest first. */
  seal(): readonly Segment[];
  /** Removes closed files that hold nothing after `sequence`. */
  forget(sequence: number): void;
  readonly bytes: number;
  readonly dropped: number;
  close(): void;
}

export function openJournal({
  folder,
  epoch,
  maximumBytes,
  segmentBytes = 16 * 2 ** 20,
}: {
  folder: string;
  epoch: number;
  maximumBytes: number;
  segmentBytes?: number;
}): Journal {
  mkdirSync(folder, { recursive: true });
  let sealed: Segment[] = [];
  let open: (Segment & { file: number }) | undefined;
  let bytes = 0;
  let dropped = 0;
  let droppedFile: number | undefined;

  const sealOpen = (): void => {
    if (!open) return;
    const { file, ...segment } = open;
    // Not closeSync: some file systems take milliseconds for it, and nothing waits for this.
    close(file, () => {});
    sealed.push(segment);
    open = undefined;
  };

  return {
    append(tuples, last, rows) {
      if (bytes + tuples.length > maximumBytes) return false;
      try {
        if (open && open.bytes >= segmentBytes) sealOpen();
        open ??= openSegment(folder, epoch, last);
        writeWhole(open.file, tuples, open.bytes);
      } catch {
        return false;
      }
      open.last = last;
      open.rows += rows;
      open.bytes += tuples.length;
      bytes += tuples.length;
      return true;
    },
    countDropped(rows) {
      dropped += rows;
      try {
        droppedFile ??= openSync(join(folder, droppedName(epoch)), 'w');
        writeSync(droppedFile, String(dropped), 0);
      } catch {
        // A disk that takes not even a number: the count still reaches the mark from memory.
      }
    },
    seal() {
      sealOpen();
      return [...sealed];
    },
    forget(sequence) {
      for (const { path, last, bytes: length } of sealed) {
        if (last > sequence) continue;
        unlinkSync(path);
        bytes -= length;
      }
      sealed = sealed.filter(({ last }) => last > sequence);
    },
    get bytes() {
      return bytes;
    },
    get dropped() {
      return dropped;
    },
    close() {
      sealOpen();
      if (droppedFile !== undefined) closeSync(droppedFile);
    },
  };
}

/** What earlier runs left behind in this folder, by epoch, oldest first. */
export function findLeftovers(
  folder: string,
  before: number,
): { epoch: number; paths: string[]; dropped: number }[] {
  const found = new Map<number, { paths: string[]; dropped: number }>();
  for (const name of readdirSync(folder).toSorted()) {
    const match = /^(\d+)(-\d+\.tuples|\.dropped)$/.exec(name);
    const epoch = Number(match?.[1]);
    if (!match || epoch >= before) continue;
    const leftover = found.get(epoch) ?? { paths: [], dropped: 0 };
    if (name.endsWith('.tuples')) leftover.paths.push(join(folder, name));
    else leftover.dropped = Number(readFileSync(join(folder, name), 'utf8')) || 0;
    found.set(epoch, leftover);
  }
  return [...found]
    .map(([epoch, leftover]) => ({ epoch, ...leftover }))
    .toSorted((a, b) => a.epoch - b.epoch);
}

export function forgetDropped(folder: string, epoch: number): void {
  rmSync(join(folder, droppedName(epoch)), { force: true });
}

function droppedName(epoch: number): string {
  return `${epoch}.dropped`;
}

function openSegment(folder: string, epoch: number, last: number): Segment & { file: number } {
  // Padded, so that the names sort as the numbers do.
  const path = join(folder, `${epoch}-${String(last).padStart(16, '0')}.tuples`);
  return { path, file: openSync(path, 'w'), last: 0, rows: 0, bytes: 0 };
}

/** All of it or nothing: what a full disk took of a tuple is cut off again. */
function writeWhole(file: number, tuples: Buffer, position: number): void {
  try {
    for (let at = 0; at < tuples.length;)
      at += writeSync(file, tuples, at, tuples.length - at, position + at);
  } catch (error) {
    ftruncateSync(file, position);
    throw error;
  }
}
