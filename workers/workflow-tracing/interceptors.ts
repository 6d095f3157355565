import { defaultPayloadConverter, type Headers, type Payload } from '@temporalio/common';
import type { OpenTelemetrySinks } from '@temporalio/interceptors-opentelemetry';
import {
  AsyncLocalStorage,
  isCancellation,
  proxySinks,
  workflowInfo,
  type WorkflowInterceptors,
} from '@temporalio/workflow';
import { createSpanIds, parseTrace, type Trace, traceparent, traceOfRun } from './trace-context.js';

/** Of Temporal's own interceptors, which clients and activities use. */
const header = '_tracer-data';

/**
 * Spans of workflows; a part of the bundle only where traces are made. Made by hand, because Temporal's own interceptors for workflows
 * wait a moment in each call: a history that was written without them no longer replays. These hand on the very promise they get,
 * draw nothing from Math.random, and touch headers alone, so that a workflow may go from a worker that traces to one that does not and back.
 */
export const interceptors = (): WorkflowInterceptors => {
  const { exporter } = proxySinks<OpenTelemetrySinks>();
  const { runId, workflowType } = workflowInfo();
  const present = new AsyncLocalStorage<Trace>();
  const nextSpanId = createSpanIds(runId);
  /** Where what comes without a trace belongs: a vote from the command line, say. */
  let own = traceOfRun(runId);

  /** Runs `work` in a span of its own below `parent`, and returns just what it returns. */
  function within<T>(name: string, parent: Trace, work: (trace: Trace) => Promise<T>): Promise<T> {
    const { spanId: parentSpanId, traceId, traceFlags } = parent;
    const trace = { ...parent, spanId: nextSpanId() };
    const startTime = Date.now();
    const result = present.run(trace, () => work(trace));
    const end = (failed: boolean) => {
      const endTime = Date.now();
      exporter.export([
        {
          ...untold,
          name,
          spanContext: { traceId, spanId: trace.spanId, traceFlags },
          ...(parentSpanId === undefined ? {} : { parentSpanId }),
          startTime: hrTime(startTime),
          endTime: hrTime(endTime),
          duration: hrTime(endTime - startTime),
          status: { code: failed ? 2 : 1 },
        },
      ]);
    };
    // On the side: whoever awaits the result does so exactly as long as without a span.
    result.then(
      () => end(false),
      (error: unknown) => end(!isCancellation(error) && !isContinuation(error)),
    );
    return result;
  }

  function sending<Input extends { headers: Headers }, T>(
    name: string,
    input: Input,
    next: (input: Input) => Promise<T>,
  ): Promise<T> {
    return within(name, present.getStore() ?? own, (trace) => {
      const carrier = { ...trace.rest, traceparent: traceparent(trace) };
      const payload = defaultPayloadConverter.toPayload(carrier);
      return next({ ...input, headers: { ...input.headers, [header]: payload } });
    });
  }

  const received = (headers: Headers): Trace => {
    const payload = headers[header];
    return (payload && parseTrace(carrierOf(payload))) ?? own;
  };

  return {
    inbound: [
      {
        execute: (input, next) =>
          within(`RunWorkflow:${workflowType}`, received(input.headers), (trace) => {
            own = trace;
            return next(input);
          }),
        handleSignal: (input, next) =>
          within(`HandleSignal:${input.signalName}`, received(input.headers), () => next(input)),
        handleUpdate: (input, next) =>
          within(`HandleUpdate:${input.name}`, received(input.headers), () => next(input)),
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) =>
          sending(`StartActivity:${input.activityType}`, input, next),
        scheduleLocalActivity: (input, next) =>
          sending(`StartActivity:${input.activityType}`, input, next),
        startChildWorkflowExecution: (input, next) =>
          sending(`StartChildWorkflow:${input.workflowType}`, input, next),
        signalWorkflow: (input, next) => sending(`SignalWorkflow:${input.signalName}`, input, next),
        // continueAsNew hands nothing on: a monitor goes on for years, and each of its runs is a trace that ends.
        getLogAttributes: (input, next) => {
          const trace = present.getStore();
          return next(trace ? { ...input, trace_id: trace.traceId, span_id: trace.spanId } : input);
        },
      },
    ],
    internals: [
      {
        dispose: (input, next) => {
          present.disable();
          next(input);
        },
      },
    ],
  };
};

const untold = {
  kind: 0,
  attributes: {},
  links: [],
  events: [],
  ended: true,
  droppedAttributesCount: 0,
  droppedLinksCount: 0,
  droppedEventsCount: 0,
  instrumentationLibrary: { name: 'perennial' },
};

/** Undefined for what another program put under that name: no header may stop a workflow. */
function carrierOf(payload: Payload): Record<string, string> | undefined {
  try {
    return defaultPayloadConverter.fromPayload(payload);
  } catch {
    return undefined;
  }
}

/** Seconds and nanoseconds. */
function hrTime(milliseconds: number): [number, number] {
  return [Math.floor(milliseconds / 1_000), (milliseconds % 1_000) * 1_000_000];
}

function isContinuation(error: unknown): boolean {
  return error instanceof Error && error.name === 'ContinueAsNew';
}
