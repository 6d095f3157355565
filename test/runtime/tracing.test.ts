import { createRequire } from 'node:module';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { surround, type Log } from '../../runtime/log.js';
import { openTracing } from '../../runtime/tracing/open-tracing.js';
import type { Tracing, TracingSettings } from '../../runtime/tracing/tracing.js';
import { createSpanIds, parseTrace } from '../../workers/workflow-tracing/trace-context.js';
import { startCollector, type Collector } from './collector.js';

let tracing: Tracing | null = null;
let collector: Collector | null = null;
let said: { sentence: string; facts: Record<string, unknown> | undefined }[] = [];
const note = (sentence: string, facts?: Record<string, unknown>) => said.push({ sentence, facts });
const log: Log = { debug: note, info: note, warn: note, error: note };

beforeEach(() => {
  said = [];
  // How long, in ms, spans are gathered before they are sent.
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '10');
});
afterEach(async () => {
  await tracing?.close();
  await collector?.close();
  [tracing, collector] = [null, null];
  vi.unstubAllEnvs();
});

async function open(settings: Partial<TracingSettings> & { endpoint: string }): Promise<Tracing> {
  tracing = await openTracing(
    { headers: {}, service: undefined, ...settings },
    { part: 'api', log },
  );
  if (!tracing) throw new Error('Tracing was to open');
  return tracing;
}

const serve = (opened: Tracing, headers: Record<string, string> = {}) =>
  opened.serve('GET', headers, async (tell) => {
    tell({ name: 'GET /models', failed: false, attributes: { 'http.response.status_code': 200 } });
    return opened.traceparent();
  });

// The first of this file: what another one loads stays loaded.
test('without an endpoint there are no traces, and nothing of OpenTelemetry is loaded', async () => {
  expect(await openTracing(undefined, { part: 'api', log })).toBeNull();
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.filter((file) => /@opentelemetry|interceptors-opentelemetry/.test(file))).toEqual(
    [],
  );
});

test('a request’s span goes to the collector, with the headers it asks for', async () => {
  collector = await startCollector();
  const opened = await open({ endpoint: `${collector.url}/`, headers: { 'x-key': 'ours' } });
  const traceparent = await serve(opened);
  await vi.waitFor(() => expect(collector?.spans).toHaveLength(1));
  const [span] = collector.spans;
  expect(span).toMatchObject({
    name: 'GET /models',
    service: 'perennial-api',
    attributes: { 'http.response.status_code': 200 },
  });
  expect(traceparent).toBe(`00-${span?.traceId}-${span?.spanId}-01`);
  expect(collector.headers[0]).toMatchObject({ 'x-key': 'ours' });
});

test('a request that comes with a trace goes on with it', async () => {
  collector = await startCollector();
  const opened = await open({ endpoint: collector.url, service: 'ours' });
  const traceId = 'ab'.repeat(16);
  await serve(opened, { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` });
  await opened.close();
  expect(collector.spans).toMatchObject([
    { traceId, parentSpanId: 'cd'.repeat(8), service: 'ours' },
  ]);
});

test('a collector that is away is told of once, then its return; requests notice neither', async () => {
  collector = await startCollector();
  const { url } = collector;
  await collector.close();
  const opened = await open({ endpoint: url });
  for (let round = 0; round < 3; round += 1) {
    expect(await serve(opened)).toMatch(/^00-/);
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(0));
  }
  expect(said).toMatchObject([{ facts: { address: `${url}/v1/traces` } }]);
  collector = await startCollector({ port: Number(new URL(url).port) });
  await vi.waitFor(async () => {
    await serve(opened);
    expect(said.map(({ sentence }) => sentence)).toEqual([
      'The trace collector takes no spans; they are dropped, work goes on',
      'The trace collector takes spans again',
    ]);
  });
});

test('a process ends in order although its collector does not answer', async () => {
  const mute = createServer(() => {});
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const { port } = mute.address() as AddressInfo;
  const opened = await open({ endpoint: `http://127.0.0.1:${port}` });
  await serve(opened);
  const began = Date.now();
  await opened.close();
  expect(Date.now() - began).toBeLessThan(4_000);
  tracing = null;
  mute.close();
});

test('a log line says which trace it belongs to', async () => {
  const opened = await open({ endpoint: 'http://127.0.0.1:1' });
  const traced = surround(log, () => ({ ...opened.facts(), workflowId: 'deliver/a' }));
  await opened.serve('GET', {}, async () => traced.info('Inside', { workflowId: 'deliver/b' }));
  traced.info('Outside');
  expect(said).toMatchObject([
    {
      facts: {
        trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
        workflowId: 'deliver/b',
      },
    },
    { facts: { workflowId: 'deliver/a' } },
  ]);
  expect(said[1]?.facts).not.toHaveProperty('trace_id');
});

test('the spans of one run get the same ids at each replay, and others than any other run', () => {
  const run = '01a20169-bafb-7cd1-953d-8c700b3cbd6e';
  const idsOf = (id: string) => {
    const next = createSpanIds(id);
    return Array.from({ length: 500 }, next);
  };
  expect(idsOf(run)).toEqual(idsOf(run));
  const all = [...idsOf(run), ...idsOf(run.replace(/.$/, 'f'))];
  expect(new Set(all).size).toBe(1_000);
  for (const id of all) expect(id).toMatch(/^[0-9a-f]{16}$/);
});

test('a header that is no trace is none', () => {
  expect(parseTrace(undefined)).toBeUndefined();
  expect(parseTrace({ traceparent: '00-short-00-01' })).toBeUndefined();
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
  expect(parseTrace({ traceparent, tracestate: 'x=1' })).toEqual({
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    traceFlags: 0,
    rest: { tracestate: 'x=1' },
  });
});
