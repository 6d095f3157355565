/** A place in a trace, as W3C Trace Context has it. */
export interface Trace {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 hexadecimal digits; none at the root of a trace. */
  spanId: string | undefined;
  /** 1 where the trace is kept, 0 where nobody wants it. */
  traceFlags: number;
  /** What came with it, tracestate and baggage: handed on as it is. */
  rest: Record<string, string>;
}

const form = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/** The place that a carrier's `traceparent` names; undefined where it names none. */
export function parseTrace(carrier: Record<string, string> | undefined): Trace | undefined {
  const { traceparent: text = '', ...rest } = carrier ?? {};
  const [, traceId, spanId, flags = '00'] = form.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, rest };
}

export function traceparent({ traceId, spanId, traceFlags }: Trace): string {
  return `00-${traceId}-${spanId}-0${traceFlags}`;
}

/** The trace of a run that nobody's trace led to is found by the run's id. */
export function traceOfRun(runId: string): Trace {
  return { traceId: runId.replaceAll('-', ''), spanId: undefined, traceFlags: 1, rest: {} };
}

/** Ids for one run's spans, the same ones whenever it is replayed: FNV-1a over the run and a count. */
export function createSpanIds(runId: string): () => string {
  let count = 0;
  return () => {
    count += 1;
    let hash = 0xcbf29ce484222325n;
    for (const character of `${runId}/${count}`)
      hash = BigInt.asUintN(64, (hash ^ BigInt(character.charCodeAt(0))) * 0x100000001b3n);
    return hash.toString(16).padStart(16, '0');
  };
}
