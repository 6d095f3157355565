import type { Log } from '../log.js';
import type { Tracing, TracingSettings } from './tracing.js';

/** Opens tracing for the process `part`. Null without settings: then nothing of OpenTelemetry is even loaded. */
export async function openTracing(
  settings: TracingSettings | undefined,
  { part, log }: { part: string; log: Log },
): Promise<Tracing | null> {
  if (settings === undefined) return null;
  const { createTracing } = await import('./create-tracing.js');
  return createTracing(settings, { part, log });
}
