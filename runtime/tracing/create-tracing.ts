import {
  context,
  isSpanContextValid,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import {
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { Log } from '../log.js';
import type { Tracing, TracingSettings } from './tracing.js';
import { createPatientExporter } from './patient-exporter.js';
import { createWorkflowSink } from './workflow-sink.js';

/** How long, in ms, one request to the collector may take, repetitions included. */
const exportPatience = 5_000;
/** How long, in ms, a process that ends waits for the collector. */
const closePatience = 2_000;

/** Tracing as OpenTelemetry does it. One at a time in a process, since its context and its propagation are the process's own. */
export function createTracing(
  { endpoint, headers, service }: TracingSettings,
  { part, log }: { part: string; log: Log },
): Tracing {
  const resource = new Resource({
    'service.name': service ?? `perennial-${part}`,
    'service.namespace': 'perennial',
    'perennial.part': part,
    'process.pid': process.pid,
  });
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, headers, timeoutMillis: exportPatience });
  const processor = new BatchSpanProcessor(createPatientExporter(exporter, { url, log }));
  const provider = new NodeTracerProvider({ resource, spanProcessors: [processor] });
  provider.register();
  const tracer = trace.getTracer('perennial');

  return {
    client: { workflow: [new OpenTelemetryWorkflowClientInterceptor()] },
    activity: (activity) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(activity) }),
    sinks: createWorkflowSink(processor, resource),
    serve: (name, carrier, work) =>
      tracer.startActiveSpan(
        name,
        { kind: SpanKind.SERVER },
        propagation.extract(context.active(), carrier),
        async (span) => {
          try {
            return await work(({ name: better, failed, attributes }) => {
              span.updateName(better).setAttributes(attributes);
              if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
            });
          } catch (error) {
            span.setStatus({ code: SpanStatusCode.ERROR });
            throw error;
          } finally {
            span.end();
          }
        },
      ),
    traceparent: () => {
      const carrier: { traceparent?: string } = {};
      propagation.inject(context.active(), carrier);
      return carrier.traceparent;
    },
    facts: () => {
      const present = trace.getActiveSpan()?.spanContext();
      return present && isSpanContextValid(present)
        ? { trace_id: present.traceId, span_id: present.spanId }
        : {};
    },
    close: async () => {
      await within(closePatience, provider.shutdown());
      for (const each of [trace, context, propagation]) each.disable();
    },
  };
}

/** A collector that does not take the last spans is no reason to end otherwise than in order. */
async function within(patience: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patience);
  });
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
}
