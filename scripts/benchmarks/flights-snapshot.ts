import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { DataContract } from '../../contracts/contract.js';
import type { Snapshot, SnapshotManifest } from '../../contracts/dataset.js';
import { modelSpec, type ModelSpec } from '../../contracts/spec.js';
import { parseContract } from '../../dataset/contract.js';
import { takeSnapshot } from '../../dataset/snapshot.js';
import { landMonth } from '../../examples/flight-delay/land-month.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';

const example = new URL('../../examples/flight-delay/', import.meta.url);

export interface FlightsSnapshot {
  snapshot: Pick<Snapshot, 'window' | 'windowAsked'>;
  manifest: SnapshotManifest;
}

/** The example's data section and contract. No bad row is tolerated here: the verdict is `fail`, so that judging ends with the quarantine. */
export async function readFlightsContract(): Promise<{
  data: ModelSpec['data'];
  contract: DataContract;
}> {
  const read = async (name: string): Promise<unknown> =>
    parse(await readFile(new URL(name, example), 'utf8'));
  const { data } = modelSpec.parse(await read('model.yaml'));
  const contract = parseContract(await read('contract.yaml'));
  const { window: _, ...whole } = data;
  const customProperties = contract.customProperties.map((each) =>
    each.property === 'maximumQuarantineShare' ? { ...each, value: 0 } : each,
  );
  return { data: whole, contract: { ...contract, customProperties } };
}

/** Three million flights of half a year with five spoiled rows in a thousand, as one snapshot in `folder`. */
export async function takeFlightsSnapshot(folder: string): Promise<FlightsSnapshot> {
  const { data, contract } = await readFlightsContract();
  for (const month of [1, 2, 3, 4, 5, 6])
    await landMonth({ month, folder: join(folder, 'data'), airports: 'all' });
  const { snapshot, manifest } = await takeSnapshot({
    data,
    contract,
    base: folder,
    artifacts: createFolderArtifacts(join(folder, 'artifacts')),
    workFolder: join(folder, 'work'),
  });
  return { snapshot, manifest };
}
