import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Worker } from '@temporalio/worker';
import { afterEach, expect, test, vi } from 'vitest';
import { decide } from '../../client/temporal.js';
import { workflowId } from '../../contracts/messages.js';
import type { Log } from '../../runtime/log.js';
import { openTracing } from '../../runtime/tracing/open-tracing.js';
import type { Tracing } from '../../runtime/tracing/tracing.js';
import { evidence } from '../../scripts/healthy-model.js';
import { prepareBundle } from '../../workers/bundle.js';
import { untilOpen } from '../workflows/world.js';
import { startCollector, type CollectedSpan } from './collector.js';
import { bundles, startTracedWorld } from './traced-world.js';

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
  vi.unstubAllEnvs();
});

const warnings: string[] = [];
const note = (sentence: string) => void warnings.push(sentence);
const log: Log = { debug: () => {}, info: () => {}, warn: note, error: note };

async function startWorld(endpoint: string) {
  const settings = { endpoint, headers: {}, service: undefined };
  const tracing = (await openTracing(settings, { part: 'test', log })) as Tracing;
  ends.push(tracing.close);
  const world = await startTracedWorld(tracing);
  ends.push(world.end);
  return { world, tracing };
}

type World = Awaited<ReturnType<typeof startTracedWorld>>;

/** Delivers by the API, as a caller that has a trace of its own does, approves without one, and waits for the end. */
async function deliver({ api, client }: World, model: string, traceparent: string) {
  const answer = await api.request(`/api/v1/models/${model}/deliveries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent },
    body: JSON.stringify({ requestedBy: 'ann' }),
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  const handle = client.workflow.getHandle(workflowId.deliver(model));
  await untilOpen(handle);
  await decide(client, model, { vote: 'approve', by: 'bob', evidence });
  return { handle, result: (await handle.result()) as { outcome: string; delivery: number } };
}

test('one trace leads from a request through workflows and activities to the trainer', async () => {
  const collector = await startCollector();
  ends.push(collector.close);
  const { world, tracing } = await startWorld(collector.url);
  const model = await world.given('environment succeed');
  const traceId = 'ab'.repeat(16);
  const { handle, result } = await deliver(world, model, `00-${traceId}-${'cd'.repeat(8)}-01`);
  expect(result.outcome).toBe('promoted');
  const [printed = '{}'] = await world.said(model, result.delivery);
  const { TRACEPARENT } = JSON.parse(printed) as { TRACEPARENT: string };
  await tracing.close();

  const ours = collector.spans.filter((span) => span.traceId === traceId);
  const path = pathOf(ours, 'RunActivity:superviseTraining');
  expect(path.map(({ name }) => name)).toEqual([
    'POST /api/v1/models/:model/deliveries',
    'StartWorkflow:deliverModel',
    'RunWorkflow:deliverModel',
    'StartChildWorkflow:trainModel',
    'RunWorkflow:trainModel',
    'StartActivity:superviseTraining',
    'RunActivity:superviseTraining',
  ]);
  expect(TRACEPARENT).toBe(`00-${traceId}-${path.at(-1)?.spanId}-01`);
  const vote = pathOf(ours, 'HandleUpdate:decide').map(({ name }) => name);
  expect(vote.at(-2)).toBe('RunWorkflow:deliverModel');
  expect(path[2]?.attributes).toMatchObject({ workflowId: workflowId.deliver(model) });
  // Every activity of the delivery and of its children is in it, and no span hangs in the air.
  const started = ours.filter(({ name }) => name.startsWith('StartActivity:'));
  const ran = ours.filter(({ name }) => name.startsWith('RunActivity:'));
  expect(started.length).toBeGreaterThan(8);
  expect(ran.map(({ name }) => name.split(':')[1]).toSorted()).toEqual(
    started.map(({ name }) => name.split(':')[1]).toSorted(),
  );
  const known = new Set(['cd'.repeat(8), ...ours.map(({ spanId }) => spanId)]);
  expect(ours.filter(({ parentSpanId }) => !known.has(parentSpanId ?? ''))).toEqual([]);
  expect(new Set(ours.map(({ spanId }) => spanId)).size).toBe(ours.length);

  // What a tracing worker began, one that does not trace takes over.
  const history = JSON.parse(historyToJSON(await handle.fetchHistory())) as unknown;
  const workflowBundle = await prepareBundle(bundles);
  await Worker.runReplayHistory({ workflowBundle }, history, workflowId.deliver(model));
});

test('a delivery takes no notice of a collector that is away, and the log says it once', async () => {
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '10');
  const gone = await startCollector();
  await gone.close();
  const { world } = await startWorld(gone.url);
  const model = await world.given('succeed');
  const { result } = await deliver(world, model, '');
  expect(result.outcome).toBe('promoted');
  expect(warnings).toEqual(['The trace collector takes no spans; they are dropped, work goes on']);
});

/** The spans from the root down to the one of this name. */
function pathOf(spans: CollectedSpan[], name: string): CollectedSpan[] {
  const path: CollectedSpan[] = [];
  let span = spans.find((each) => each.name === name);
  while (span) {
    path.unshift(span);
    const { parentSpanId } = span;
    span = spans.find(({ spanId }) => spanId === parentSpanId);
  }
  return path;
}
