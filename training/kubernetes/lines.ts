import type { Readable } from 'node:stream';

const newline = 0x0a;

export interface Line {
  line: Buffer;
  /** With its newline. */
  whole: boolean;
  /** The answer ended with it, and was not cut off. */
  last: boolean;
}

/** The lines of an answer that may go on for long; ends without a `last` one where the connection was lost. */
export async function* linesOf(answer: Readable): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const part of answer as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
      let start = 0;
      for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline, start)) {
        yield { line: rest.subarray(start, end + 1), whole: true, last: false };
        start = end + 1;
      }
      rest = rest.subarray(start);
    }
  } catch {
    return;
  }
  yield { line: rest, whole: false, last: true };
}
