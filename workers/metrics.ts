import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

export interface WorkerMetrics {
  contentType: string;
  /** Times every activity; stands outside of the interceptor that names failures. */
  interceptor: ActivityInterceptorsFactory;
  countNotices: (round: { sent: number; failed: number }) => void;
  /** Everything in Prometheus' text format, with what Temporal's SDK tells of itself in this process. */
  collect: () => Promise<string>;
}

/** What a worker process tells Prometheus. `temporal` is the address of the SDK's own exporter, on loopback. */
export function createWorkerMetrics({ temporal }: { temporal: string }): WorkerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const seconds = new Histogram({
    name: 'perennial_activity_seconds',
    help: 'Time an attempt of an activity took, by how it ended: ok, cancelled or the code of the error',
    labelNames: ['activity', 'outcome'],
    buckets: [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3_600],
    registers,
  });
  const notices = new Counter({
    name: 'perennial_notices_total',
    help: 'Webhooks posted, by whether they were acknowledged',
    labelNames: ['outcome'],
    registers,
  });

  return {
    contentType: registry.contentType,
    interceptor: (context) => ({
      inbound: {
        async execute(input, next) {
          const stop = seconds.startTimer({ activity: context.info.activityType });
          try {
            const result = await next(input);
            stop({ outcome: 'ok' });
            return result;
          } catch (error) {
            stop({ outcome: outcomeOf(error) });
            throw error;
          }
        },
      },
    }),
    countNotices: ({ sent, failed }) => {
      notices.inc({ outcome: 'sent' }, sent);
      notices.inc({ outcome: 'failed' }, failed);
    },
    collect: async () => `${await registry.metrics()}\n${await readExporter(temporal)}`,
  };
}

function outcomeOf(error: unknown): string {
  if (error instanceof CancelledFailure) return 'cancelled';
  if (error instanceof Error && error.name === 'AbortError') return 'cancelled';
  if (error instanceof ApplicationFailure) return error.type ?? 'INTERNAL';
  return 'INTERNAL';
}

/** Ours are worth having without theirs. */
async function readExporter(address: string): Promise<string> {
  try {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(2_000) });
    return answer.ok ? await answer.text() : '';
  } catch {
    return '';
  }
}
