import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../db/connect.js';
import { readMeasures, type Measure } from '../db/release/measures.js';
import type { Log } from '../runtime/log.js';

export interface ApiMetrics {
  contentType: string;
  /** Counts and times each request by the route it met, never by its path. */
  measure: MiddlewareHandler;
  /** Everything in Prometheus' text format. */
  collect: () => Promise<string>;
}

/** What the control API tells Prometheus: how it does itself, and how every loop stands, read from the database whenever it is asked. */
export function createApiMetrics({ db, log }: { db: Database; log: Log }): ApiMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const seconds = new Histogram({
    name: 'perennial_api_request_seconds',
    help: 'Time to answer a request to the control API',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const databaseUp = new Gauge({
    name: 'perennial_database_up',
    help: '1 while the database answers the control API',
    registers: [registry],
  });

  /** None when the database is away: a zero in their place would be read as good news. */
  async function readState(): Promise<Measure[]> {
    try {
      const measures = await readMeasures(db);
      databaseUp.set(1);
      return measures;
    } catch (error) {
      databaseUp.set(0);
      log.warn('The measures could not be read', { error: String(error) });
      return [];
    }
  }

  return {
    contentType: registry.contentType,
    measure: async (context, next) => {
      const stop = seconds.startTimer({ method: context.req.method });
      await next();
      stop({ route: routePath(context, -1), status: context.res.status });
    },
    collect: async () => {
      const state = await registryOf(await readState()).metrics();
      return `${await registry.metrics()}\n${state}`;
    },
  };
}

/** Made anew each time, so that what is over is not told any more. */
function registryOf(measures: Measure[]): Registry {
  const registry = new Registry();
  const registers = [registry];
  for (const [name, { help, labels: labelNames }] of Object.entries(stateMetrics)) {
    const found = measures.filter((measure) => measure.name === name);
    if (found.length === 0) continue;
    const given = { name: `perennial_${name}`, help, labelNames, registers };
    if (name.endsWith('_total')) {
      const counter = new Counter(given);
      for (const { labels, value } of found) counter.inc(labels, value);
    } else {
      const gauge = new Gauge(given);
      for (const { labels, value } of found) gauge.set(labels, value);
    }
  }
  return registry;
}

/** What `readMeasures` gives, by name: what each is and what it is about. */
export const stateMetrics = {
  delivery_age_seconds: { help: 'Age of a running delivery', labels: ['model', 'stage'] },
  deliveries_closed_total: { help: 'Deliveries ended', labels: ['model', 'outcome'] },
  approval_waiting_seconds: { help: 'Time that an approval waits for a person', labels: ['model'] },
  approval_remaining_seconds: { help: 'Time until an open approval expires', labels: ['model'] },
  money_waiting_seconds: {
    help: 'Time that a training waits for somebody to raise a budget',
    labels: ['model'],
  },
  release_age_seconds: { help: 'Age of a running release', labels: ['model', 'status'] },
  champion_version: { help: 'Version that serves', labels: ['model'] },
  champion_age_seconds: { help: 'Time since the champion was promoted', labels: ['model'] },
  monitor_check_age_seconds: {
    help: 'Time since the last drift check of a served model, or since its promotion',
    labels: ['model'],
  },
  monitor_interval_seconds: { help: 'Time between two checks by the spec', labels: ['model'] },
  drift_score: { help: 'Score of the last drift check', labels: ['model'] },
  drift_severity: {
    help: 'Severity by the last drift check: 0 none, 1 minor, 2 moderate, 3 major',
    labels: ['model'],
  },
  training_cost_total: {
    help: 'What trainings cost, in units of the currency',
    labels: ['team', 'model', 'currency'],
  },
  training_energy_kwh_total: {
    help: 'Energy of trainings by the watts of the price book',
    labels: ['team', 'model'],
  },
  training_carbon_grams_total: {
    help: 'CO2 equivalent of that energy, by the grid of the price book',
    labels: ['team', 'model'],
  },
  serving_cost_total: {
    help: 'What gateways cost to answer, in units of the currency',
    labels: ['team', 'model', 'version', 'currency'],
  },
  serving_energy_kwh_total: {
    help: 'Energy of gateways by the watts of the price book',
    labels: ['team', 'model', 'version'],
  },
  serving_carbon_grams_total: {
    help: 'CO2 equivalent of that energy, by the grid of the price book',
    labels: ['team', 'model', 'version'],
  },
  serving_predictions_total: {
    help: 'Predictions that this was spent for',
    labels: ['team', 'model', 'version'],
  },
  budget_spent_ratio: {
    help: 'Share of the hard limit that is spent in its period; of the soft one where there is no hard',
    labels: ['scope', 'name'],
  },
  outbox_waiting_events: { help: 'Events not sent yet', labels: [] },
  outbox_failing_seconds: {
    help: 'Age of the oldest unsent event whose sending failed, 0 where none did',
    labels: [],
  },
} satisfies Record<string, { help: string; labels: string[] }>;
