import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

/** What the gateway tells Prometheus. A registry of its own, so that two gateways in one process do not add up. */
export function createGatewayMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const arm = ['model', 'version', 'role'] as const;
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  return {
    registry,
    answered: new Counter({
      name: 'perennial_predictions_total',
      help: 'Rows answered',
      labelNames: arm,
      registers,
    }),
    failed: new Counter({
      name: 'perennial_prediction_errors_total',
      help: 'Rows that the model failed on',
      labelNames: arm,
      registers,
    }),
    seconds: new Histogram({
      name: 'perennial_prediction_seconds',
      help: 'From the last byte of the request to the answer being written down',
      labelNames: ['model'] as const,
      buckets: [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
      registers,
    }),
    refused: new Counter({
      name: 'perennial_requests_refused_total',
      help: 'Requests answered with an error, by code',
      labelNames: ['code'] as const,
      registers,
    }),
    stored: counter('perennial_log_stored_rows_total', 'Rows moved from journals into PostgreSQL'),
    dropped: counter(
      'perennial_log_dropped_rows_total',
      'Rows answered but not kept: the journal was full',
    ),
    replayed: counter('perennial_log_replayed_rows_total', 'Rows found in an earlier journal'),
    late: counter('perennial_late_rows_total', 'Rows stored, but too late to be counted'),
    journalBytes: gauge('perennial_journal_bytes', 'Bytes in the journal, not yet in PostgreSQL'),
    labels: new Counter({
      name: 'perennial_labels_total',
      help: 'Labels received',
      labelNames: ['model', 'outcome'] as const,
      registers,
    }),
    revision: new Gauge({
      name: 'perennial_route_revision',
      help: 'Revision of the route in force',
      labelNames: ['model'] as const,
      registers,
    }),
    routeFailures: new Counter({
      name: 'perennial_route_failures_total',
      help: 'Routes not taken into force because a version could not be loaded',
      labelNames: ['model'] as const,
      registers,
    }),
  };
}
