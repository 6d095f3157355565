import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';
import { workflowTypes } from '../../contracts/messages.js';
import { prepareBundle } from '../../workers/bundle.js';
import { bundleEditedWorkflows } from '../support/edited-workflows.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const corpus = join(root, 'test/histories');

/** Every recorded history: real runs, exported by scripts/export-histories.ts. */
async function histories(): Promise<{ name: string; type: string; json: unknown }[]> {
  const names = await readdir(corpus, { recursive: true });
  return Promise.all(
    names
      .filter((name) => name.endsWith('.json'))
      .toSorted()
      .map(async (name) => ({
        name,
        type: name.split('/')[0] ?? '',
        json: JSON.parse(await readFile(join(corpus, name), 'utf8')) as unknown,
      })),
  );
}

let codePath: string;
const recorded = await histories();
beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });
  ({ codePath } = await prepareBundle(join(tmpdir(), 'perennial-test-bundles')));
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
      file: 'deliver-model.ts',
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

/** Workflows check their own id, so a replay has to know it: `deliver-<model>-<status>-<run>.json`. */
function idOf(name: string): string {
  const [kind = '', ...rest] = (name.split('/')[1] ?? '')
    .replace(/-[a-z_]+-[0-9a-f]{8}\.json$/, '')
    .split('-');
  if (kind === 'train') return `train/${rest.slice(0, -1).join('-')}/${rest.at(-1)}`;
  return rest.length > 0 ? `${kind}/${rest.join('-')}` : kind;
}
