import type { ClientInterceptors } from '@temporalio/client';
import type { ActivityInterceptorsFactory, InjectedSinks } from '@temporalio/worker';
import type { OpenTelemetrySinks } from '@temporalio/interceptors-opentelemetry';

export interface TracingSettings {
  /** Of an OpenTelemetry collector that takes OTLP over HTTP; `/v1/traces` is added. */
  endpoint: string;
  headers: Record<string, string>;
  /** OTEL_SERVICE_NAME where given; each process has a name of its own otherwise. */
  service: string | undefined;
}

/** What is only known of a span when its work is done. */
export interface SpanTold {
  name: string;
  failed: boolean;
  attributes: Record<string, string | number>;
}

/** Traces of one process: from a request through workflows and activities to the trainer. */
export interface Tracing {
  /** Hands the trace from a client on to the workflow it calls. */
  client: ClientInterceptors;
  /** Spans of activities, and the way out for spans that workflows make. */
  activity: ActivityInterceptorsFactory;
  sinks: InjectedSinks<OpenTelemetrySinks>;
  /** Runs `work` in a span that goes on from whatever trace the request's headers tell of. */
  serve: <T>(
    name: string,
    headers: Record<string, string>,
    work: (tell: (told: SpanTold) => void) => Promise<T>,
  ) => Promise<T>;
  /** The present span as W3C Trace Context writes it; undefined outside of one. */
  traceparent: () => string | undefined;
  /** What a log line says of the present span. */
  facts: () => { trace_id?: string; span_id?: string };
  /** Sends what is left, for two seconds at most, and ends tracing in this process. */
  close: () => Promise<void>;
}
