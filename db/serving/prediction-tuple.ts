/**
 * Rows of `prediction` as tuples of PostgreSQL's binary COPY format. The gateway's journal holds these very bytes, so that
 * moving it into the database is a copy of files, without a second encoding.
 */
export interface PredictionRow extends AnsweredRow, RowNumber {}

/** Which row it is in the journal of which run of which gateway. */
export interface RowNumber {
  gateway: string;
  epoch: number;
  sequence: number;
}

/** A prediction before it is numbered. */
export interface AnsweredRow {
  model: string;
  id: string;
  version: number;
  role: string;
  revision: number;
  entity: string;
  /** Milliseconds since 1970, as all times here. */
  eventTime: number;
  receivedAt: number;
  latencyMicros: number;
  score: number | null;
  error: string | null;
  inputs: Record<string, number | string | null>;
}

export const copyPredictions = `COPY prediction (model, id, gateway, epoch, sequence, version, role, revision, entity,
  event_time, received_at, latency_us, score, error, inputs) FROM STDIN (FORMAT binary)`;

export const copyHeader = Buffer.concat([
  Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'),
  Buffer.alloc(8),
]);
export const copyTrailer = Buffer.from([0xff, 0xff]);

const columns = 15;
/** PostgreSQL counts microseconds from the year 2000. */
const year2000 = 946_684_800_000;

/** Rows of one run of a gateway, numbered on from `sequence`, which the row before them has. */
export function encodeAnswers(
  rows: readonly AnsweredRow[],
  { gateway, epoch, sequence }: RowNumber,
): Buffer {
  const tuples = createWriter();
  const number = { gateway, epoch, sequence };
  for (const row of rows) {
    number.sequence += 1;
    writeTuple(tuples, row, number);
  }
  return tuples.finish();
}

function writeTuple(
  tuples: ReturnType<typeof createWriter>,
  row: AnsweredRow,
  { gateway, epoch, sequence }: RowNumber,
): void {
  tuples.int16(columns);
  tuples.text(row.model);
  tuples.text(row.id);
  tuples.text(gateway);
  tuples.int8Bytes(epoch);
  tuples.int8Bytes(sequence);
  tuples.int4Bytes(row.version);
  tuples.text(row.role);
  tuples.int4Bytes(row.revision);
  tuples.text(row.entity);
  tuples.time(row.eventTime);
  tuples.time(row.receivedAt);
  tuples.int4Bytes(row.latencyMicros);
  if (row.score === null) tuples.missing();
  else tuples.float8(row.score);
  if (row.error === null) tuples.missing();
  else tuples.text(row.error);
  tuples.jsonb(row.inputs);
}

/** Reads whole tuples from the start of `bytes`; `end` is where the last whole one ends. A write that a kill cut short ends the reading. */
export function decodePredictions(bytes: Buffer): { rows: PredictionRow[]; end: number } {
  const rows: PredictionRow[] = [];
  let end = 0;
  for (;;) {
    const tuple = readTuple(bytes, end);
    if (!tuple) return { rows, end };
    rows.push(decodeTuple(tuple.fields));
    end = tuple.end;
  }
}

function readTuple(
  bytes: Buffer,
  start: number,
): { fields: (Buffer | null)[]; end: number } | undefined {
  if (start + 2 > bytes.length || bytes.readInt16BE(start) !== columns) return undefined;
  const fields: (Buffer | null)[] = [];
  let at = start + 2;
  while (fields.length < columns) {
    if (at + 4 > bytes.length) return undefined;
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length === -1) {
      fields.push(null);
      continue;
    }
    if (length < 0 || at + length > bytes.length) return undefined;
    fields.push(bytes.subarray(at, at + length));
    at += length;
  }
  return { fields, end: at };
}

function decodeTuple(fields: readonly (Buffer | null)[]): PredictionRow {
  const field = (index: number): Buffer => fields[index] ?? Buffer.alloc(0);
  const text = (index: number): string => field(index).toString('utf8');
  const int8 = (index: number): bigint => field(index).readBigInt64BE();
  const time = (index: number): number => Number(int8(index) / 1_000n) + year2000;
  return {
    model: text(0),
    id: text(1),
    gateway: text(2),
    epoch: Number(int8(3)),
    sequence: Number(int8(4)),
    version: field(5).readInt32BE(),
    role: text(6),
    revision: field(7).readInt32BE(),
    entity: text(8),
    eventTime: time(9),
    receivedAt: time(10),
    latencyMicros: field(11).readInt32BE(),
    score: fields[12] ? field(12).readDoubleBE() : null,
    error: fields[13] ? text(13) : null,
    inputs: JSON.parse(field(14).toString('utf8', 1)) as PredictionRow['inputs'],
  };
}

/** A call into native code costs more than to write a short text. False, with nothing of use written, where another way is needed. */
function writeAscii(buffer: Buffer, value: string, at: number): boolean {
  if (value.length > 48) return false;
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index);
    if (unit > 127) return false;
    buffer[at + index] = unit;
  }
  return true;
}

/** A buffer that doubles when it is full. */
function createWriter() {
  let buffer = Buffer.allocUnsafe(8_192);
  let at = 0;
  const room = (bytes: number): void => {
    if (at + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, at + bytes));
    buffer.copy(larger, 0, 0, at);
    buffer = larger;
  };
  const int8Bytes = (value: number): void => {
    room(12);
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeInt32BE(Math.floor(value / 2 ** 32), at);
    at = buffer.writeUInt32BE(value >>> 0, at);
  };
  /** A string with its length before it; three bytes is the most that UTF-8 takes for one unit of UTF-16. */
  const string = (value: string, prefix?: number): void => {
    room(5 + value.length * 3);
    const start = at;
    at += 4;
    if (prefix !== undefined) at = buffer.writeInt8(prefix, at);
    at += writeAscii(buffer, value, at) ? value.length : buffer.write(value, at, 'utf8');
    buffer.writeInt32BE(at - start - 4, start);
  };
  return {
    int16(value: number): void {
      room(2);
      at = buffer.writeInt16BE(value, at);
    },
    int4Bytes(value: number): void {
      room(8);
      at = buffer.writeInt32BE(value, buffer.writeInt32BE(4, at));
    },
    int8Bytes,
    /** Microseconds of a far time are no safe integer, and a BigInt is slow. */
    time(milliseconds: number): void {
      const micros = (milliseconds - year2000) * 1_000;
      if (Number.isSafeInteger(micros)) return int8Bytes(micros);
      room(12);
      const exact = BigInt(milliseconds - year2000) * 1_000n;
      at = buffer.writeBigInt64BE(exact, buffer.writeInt32BE(8, at));
    },
    float8(value: number): void {
      room(12);
      at = buffer.writeDoubleBE(value, buffer.writeInt32BE(8, at));
    },
    missing(): void {
      room(4);
      at = buffer.writeInt32BE(-1, at);
    },
    text: (value: string): void => string(value),
    /** Binary jsonb is a version byte, 1, and the text. */
    jsonb: (value: unknown): void => string(JSON.stringify(value), 1),
    finish: (): Buffer => buffer.subarray(0, at),
  };
}
