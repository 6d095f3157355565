import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { Log } from '../log.js';

const success = 0;

/** Sends spans on, drops what the collector does not take, and says so once, until it takes some again. Traces are never worth more than work. */
export function createPatientExporter(
  exporter: SpanExporter,
  { url, log }: { url: string; log: Log },
): SpanExporter {
  let away = false;
  return {
    export(spans, done) {
      exporter.export(spans, ({ code, error }) => {
        if (code !== success && !away)
          log.warn('The trace collector takes no spans; they are dropped, work goes on', {
            address: url,
            error: error?.message ?? 'no reason given',
          });
        if (code === success && away)
          log.info('The trace collector takes spans again', { address: url });
        away = code !== success;
        done({ code: success });
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
