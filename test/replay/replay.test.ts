import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';
import { workflowTypes } from '../../contracts/messages.js';
import { prepareBundle } from '../../workers/bundle.js';
import { bundleEditedWorkflows } from '../support/edited-workflows.js';
import { idOf, recordedHistories } from './corpus.js';

let codePath: string;
let traced: string;
const recorded = await recordedHistories();
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });
  const folder = join(tmpdir(), 'perennial-test-bundles');
  ({ codePath } = await prepareBundle(folder));
  ({ codePath: traced } = await prepareBundle(folder, { traced: true }));
}, 120_000);

describe('the present workflow code', () => {
  test.each(recorded.map(({ name, json }) => [name, json] as const))(
    'replays %s',
    async (name, json) => {
      await expect(
        Worker.runReplayHistory({ workflowBundle: { codePath } }, json, idOf(name)),
      ).resolves.toBeUndefined();
    },
  );

  test.each(recorded.map(({ name, json }) => [name, json] as const))(
    'replays %s where traces are made',
    async (name, json) => {
      await expect(
        Worker.runReplayHistory({ workflowBundle: { codePath: traced } }, json, idOf(name)),
      ).resolves.toBeUndefined();
    },
  );

  test('is tried on every type of workflow', () => {
    expect([...new Set(recorded.map(({ type }) => type))].toSorted()).toEqual(
      Object.values(workflowTypes).toSorted(),
    );
  });
});

test('an incompatible edit of a workflow is caught', async () => {
  // What someone might well do: validate where the snapshot is taken.
  const code = await bundleEditedWorkflows([
    {
      file: 'delivery/deliver-model.ts',
      from: 'compute.ingestData.executeWithOptions',
      to: 'compute.validateData.executeWithOptions',
    },
  ]);
  const [delivery] = recorded.filter(({ type }) => type === 'deliverModel');
  expect(delivery).toBeDefined();
  await expect(
    Worker.runReplayHistory(
      { workflowBundle: { code } },
      delivery?.json,
      idOf(delivery?.name ?? ''),
    ),
  ).rejects.toBeInstanceOf(DeterminismViolationError);
}, 120_000);

test('the guard of a real change is what lets deliveries go on that began before it', async () => {
  const code = await bundleEditedWorkflows([
    { file: 'delivery/deliver-model.ts', from: 'patched(fewerTurns)', to: 'true' },
  ]);
  const replay = (model: string) => {
    const { name = '', json } = recorded.find((each) => each.name.includes(model)) ?? {};
    return Worker.runReplayHistory({ workflowBundle: { code } }, json, idOf(name));
  };
  await expect(replay('deliver-flight-delay')).rejects.toBeInstanceOf(DeterminismViolationError);
}, 120_000);

describe('the workflow bundle', () => {
  test('holds nothing that does not belong into a sandbox', async () => {
    const code = await readFile(codePath, 'utf8');
    const modules = [...code.matchAll(/node_modules\/((?:@[^/"'\s]+\/)?[^/"'\s?!]+)/g)].map(
      ([, name]) => name ?? '',
    );
    const found = new Set(modules);
    for (const name of ['zod', 'drizzle-orm', 'pg', 'onnxruntime-node', '@duckdb/node-api', 'pino'])
      expect(found).not.toContain(name);
    expect(code.length).toBeLessThan(3_000_000);
  });
});

test('histories travel as JSON both ways', () => {
  const [first] = recorded;
  const again = JSON.parse(historyToJSON(historyFromJSON(first?.json))) as { events: unknown[] };
  const { events } = (first?.json ?? { events: [] }) as { events: unknown[] };
  expect(again.events).toHaveLength(events.length);
  expect(JSON.parse(historyToJSON({ events: [] }))).toEqual({});
});
