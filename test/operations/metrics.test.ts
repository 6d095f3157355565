import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { createApiMetrics, stateMetrics } from '../../api/metrics.js';
import { connectDatabase } from '../../db/connect.js';
import { silentLog } from '../../runtime/log.js';
import { createGatewayMetrics } from '../../serving/metrics.js';
import { createWorkerMetrics } from '../../workers/metrics.js';
import { read } from '../repository/tree.js';
import { noPromtool, promtool, runPromtool } from './promtool.js';

/** Series of Temporal's SDK that our pages name; seen in the exporter of a worker that has run a delivery. */
const ofTemporal = [
  'temporal_activity_schedule_to_start_latency_seconds',
  'temporal_workflow_task_schedule_to_start_latency_seconds',
  'temporal_worker_task_slots_available',
  'temporal_sticky_cache_size',
  'temporal_workflow_task_execution_failed_total',
];

/** What each process says while its neighbours are away. */
async function readProcesses(): Promise<string[]> {
  const { db } = connectDatabase({ url: 'postgresql://127.0.0.1:1/none', log: silentLog });
  return Promise.all([
    createApiMetrics({ db, log: silentLog }).collect(),
    createWorkerMetrics({ temporal: '127.0.0.1:1' }).collect(),
    createGatewayMetrics().registry.metrics(),
  ]);
}

const processes = await readProcesses();
const known = new Set([
  'up',
  ...ofTemporal,
  ...Object.keys(stateMetrics).map((name) => `perennial_${name}`),
  ...[...processes.join('\n').matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? ''),
]);

/** Names of series in an expression, histograms by their base name. */
const namesIn = (expression: string): string[] =>
  [...expression.matchAll(/\b(?:perennial|temporal|process)_[a-z_]+|\bup\b/g)]
    .map(([name]) => name.replace(/_(bucket|sum|count)$/, ''))
    .filter((name) => !known.has(name));

test('a process whose neighbours are away still speaks for itself, and of no state', () => {
  const [api = '', worker = ''] = processes;
  expect(api).toContain('perennial_database_up 0');
  expect(api).not.toContain('perennial_outbox');
  expect(worker).toContain('perennial_activity_seconds');
});

const rules = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.object({ severity: z.enum(['page', 'ticket']) }),
          annotations: z.object({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});

describe('the alerts', () => {
  const { groups } = rules.parse(parse(read('deploy/prometheus-rules.yml')));
  const alerts = groups.flatMap((group) => group.rules);

  test('ask for series that exist', () => {
    for (const { alert, expr } of alerts) expect(namesIn(expr), alert).toEqual([]);
  });

  test('are each explained in docs/operations.md, and no other is', () => {
    const explained = [...read('docs/operations.md').matchAll(/^\| `(Perennial\w+)`/gm)];
    expect(explained.map((match) => match[1]).toSorted()).toEqual(
      alerts.map(({ alert }) => alert).toSorted(),
    );
  });

  test('fire when they should, as Prometheus itself computes them', (context) => {
    context.skip(promtool === undefined, noPromtool);
    runPromtool(['check', 'config', '--syntax-only', 'prometheus.yml']);
    runPromtool(['check', 'rules', 'prometheus-rules.yml']);
    expect(runPromtool(['test', 'rules', 'prometheus-rules.test.yml'])).toContain('SUCCESS');
  });

  test('read what Prometheus calls well-formed metrics', (context) => {
    context.skip(promtool === undefined, noPromtool);
    // Node's own have names that Prometheus would not give.
    const ours = processes.map((text) => text.replaceAll(/^(# \w+ )?nodejs_.*\n/gm, ''));
    for (const text of ours) expect(runPromtool(['check', 'metrics'], text)).toBe('');
  });
});

const dashboard = z.object({
  panels: z.array(
    z.object({
      id: z.int(),
      type: z.string(),
      title: z.string().min(1),
      gridPos: z.object({ h: z.int(), w: z.int(), x: z.int(), y: z.int() }),
      targets: z.array(z.object({ expr: z.string().min(1), refId: z.string() })).optional(),
    }),
  ),
});

test('the dashboard shows series that exist, no panel on top of another', () => {
  const { panels } = dashboard.parse(JSON.parse(read('deploy/grafana-dashboard.json')));
  const expressions = panels.flatMap((panel) => panel.targets ?? []).map(({ expr }) => expr);
  expect(expressions.length).toBeGreaterThan(30);
  for (const expression of expressions) expect(namesIn(expression), expression).toEqual([]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
    Array.from({ length: h * w }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});
