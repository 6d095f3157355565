import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FeatureRow } from '../client/index.js';
import type { ModelSpecInput } from '../contracts/spec.js';
import { randomFrom } from '../statistics/random.js';

/** A world small enough to be learnt in a second: y hangs on x and a little on kind. */
export interface Row {
  id: string;
  at: string;
  x: number;
  kind: string;
  y: 0 | 1;
}

export interface World {
  seed: string;
  rows: number;
  kinds?: string[];
  /** Added to every x: covariate drift. */
  shift?: number;
  startsAt?: string;
}

export function drawRows({
  seed,
  rows,
  kinds = ['a', 'b', 'c'],
  shift = 0,
  startsAt = '2026-01-01T00:00:00Z',
}: World): Row[] {
  const random = randomFrom(`small-world/${seed}`);
  const start = Date.parse(startsAt);
  return Array.from({ length: rows }, (_, index) => {
    const x = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()) + shift;
    const kind = kinds[Math.floor(random() * kinds.length)] ?? 'a';
    const chance = 1 / (1 + Math.exp(-(2 * x + (kind === 'a' ? 0.5 : -0.5))));
    return {
      id: `${seed}-${index}`,
      at: new Date(start + index * 60_000).toISOString(),
      x: Math.round(x * 1e4) / 1e4,
      kind,
      y: random() < chance ? 1 : 0,
    };
  });
}

export function featuresOf({ x, kind }: Row): FeatureRow {
  return { x, kind };
}

/** Lays rows down as `rows.csv`; `spoil` rows have no x. */
export async function landRows(folder: string, world: World & { spoil?: number }): Promise<void> {
  const lines = drawRows(world).map(({ id, at, x, kind, y }, index) =>
    [id, at, index < (world.spoil ?? 0) ? '' : x, kind, y].join(','),
  );
  await writeFile(join(folder, 'rows.csv'), ['id,at,x,kind,y', ...lines, ''].join('\n'));
}

export const contract = {
  kind: 'DataContract',
  apiVersion: 'v3.1.0',
  id: 'small-world',
  version: '1.0.0',
  status: 'active',
  schema: [
    {
      name: 'rows',
      properties: [
        { name: 'id', logicalType: 'string', primaryKey: true },
        { name: 'at', logicalType: 'timestamp', required: true },
        {
          name: 'x',
          logicalType: 'number',
          required: true,
          logicalTypeOptions: { minimum: -100, maximum: 100 },
        },
        { name: 'kind', logicalType: 'string', required: true },
        { name: 'y', logicalType: 'integer', required: true },
      ],
    },
  ],
};

/** A spec with everything short, to be changed piece by piece. */
export function specOf(model: string, changes: Partial<ModelSpecInput> = {}): ModelSpecInput {
  return {
    apiVersion: 'perennial/v1',
    model,
    team: 'tests',
    owner: 'olive',
    data: {
      source: { format: 'csv', path: 'rows.csv', timeColumn: 'at' },
      entity: 'id',
      features: [
        { name: 'x', type: 'number' },
        { name: 'kind', type: 'category' },
      ],
      label: { expression: 'y = 1' },
      contract: 'contract.yaml',
    },
    training: {
      trainer: 'tabular',
      parameters: { trees: 20, leaves: 7 },
      timeout: '2m',
      maximumAttempts: 2,
    },
    evaluation: { bars: { roc_auc: { atLeast: 0.6 } }, minimumRows: 200, margin: 0.05 },
    approval: {
      approvers: ['anna', 'ben'],
      expireAfter: '1h',
      remindAfter: '20m',
      escalateAfter: '40m',
    },
    release: {
      steps: [0.3],
      judge: {
        every: '300ms',
        minimumRequests: 60,
        minimumTime: '1s',
        maximumTime: '60s',
        errorRateMargin: 0.1,
        latencyRatioMargin: 20,
        businessMargin: 0.5,
      },
    },
    // A quiet hour: a test that wants a check asks for it.
    monitoring: {
      every: '1h',
      window: '1h',
      minimumRows: 200,
      retrain: { drift: true, cooldown: '1s', maximumPerMonth: 50 },
    },
    ...changes,
  };
}
