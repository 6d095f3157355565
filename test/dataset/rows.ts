import { join } from 'node:path';
import { dataContract, type DataContract } from '../../contracts/contract.js';
import type { SnapshotManifest, Snapshot, Validation } from '../../contracts/dataset.js';
import type { ModelSpec, ModelSpecInput } from '../../contracts/spec.js';
import type { TimeWindow } from '../../contracts/names.js';
import { takeSnapshot, type TakenSnapshot } from '../../dataset/snapshot.js';
import { validateSnapshot } from '../../dataset/validation/validate.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { givenSpec } from '../support/given-spec.js';
import { writeParquet } from '../support/parquet.js';

/** `count` good trips, one an hour from 1 March 2024: id t0, t1 …, distance 1 …, city A or B, late in every third. */
export function trips(count: number): string {
  return `SELECT 't' || i AS id, TIMESTAMP '2024-03-01' + INTERVAL 1 HOUR * i AS at, (i + 1)::BIGINT AS distance,
    CASE WHEN i % 2 = 0 THEN 'A' ELSE 'B' END AS city, i % 3 = 0 AS late FROM range(${count}) AS numbers(i)`;
}

export type DataInput = ModelSpecInput['data'];

export function data(overrides: Partial<DataInput> = {}): ModelSpec['data'] {
  return givenSpec('trips', {
    data: {
      source: { format: 'parquet', path: 'trips*.parquet', timeColumn: 'at' },
      entity: 'id',
      features: [
        { name: 'distance', type: 'number' },
        { name: 'city', type: 'category' },
      ],
      label: { expression: 'late' },
      contract: 'contract.yaml',
      ...overrides,
    },
  }).data;
}

type ContractInput = {
  properties?: unknown[];
  quality?: unknown[];
  slaProperties?: unknown[];
  customProperties?: unknown[];
};

export function contract({ properties, quality, ...rest }: ContractInput = {}): DataContract {
  return dataContract.parse({
    kind: 'DataContract',
    apiVersion: 'v3.1.0',
    id: 'trips',
    version: '1.0.0',
    status: 'active',
    schema: [
      {
        name: 'trips',
        properties: properties ?? [{ name: 'id', logicalType: 'string' }],
        quality: quality ?? [],
      },
    ],
    ...rest,
  });
}

export const quarantineAll = [{ property: 'maximumQuarantineShare', value: 1 }];

export interface Workplace {
  base: string;
  artifacts: ArtifactStore;
  workFolder: string;
}

export async function workplace(): Promise<Workplace> {
  const base = await temporaryFolder();
  return { base, artifacts: await temporaryArtifacts(), workFolder: join(base, 'work') };
}

interface Asked {
  data?: ModelSpec['data'];
  contract?: DataContract;
  window?: TimeWindow;
  now?: Date;
}

export async function snapshotOf(place: Workplace, asked: Asked = {}): Promise<TakenSnapshot> {
  return takeSnapshot({
    ...place,
    data: asked.data ?? data(),
    contract: asked.contract ?? contract(),
    window: asked.window,
  });
}

export interface Judged {
  snapshot: Omit<Snapshot, 'created'>;
  manifest: SnapshotManifest;
  validation: Validation;
}

/** Snapshot and validation of whatever lies in the workplace. */
export async function judge(place: Workplace, asked: Asked = {}): Promise<Judged> {
  const { snapshot, manifest } = await snapshotOf(place, asked);
  const validation = await validateSnapshot({
    ...place,
    data: asked.data ?? data(),
    contract: asked.contract ?? contract(),
    snapshot,
    manifest,
    now: asked.now ?? new Date('2024-03-02T00:00:00Z'),
  });
  return { snapshot, manifest, validation };
}

/** Judges rows given as SQL. */
export async function judgeRows(select: string, asked: Asked = {}): Promise<Judged & Workplace> {
  const place = await workplace();
  await writeParquet(join(place.base, 'trips.parquet'), select);
  return { ...place, ...(await judge(place, asked)) };
}
