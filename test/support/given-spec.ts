import { modelSpec, type ModelSpec, type ModelSpecInput } from '../../contracts/spec.js';

export const givenData: ModelSpecInput['data'] = {
  source: { format: 'parquet', path: 'rows.parquet', timeColumn: 'date' },
  entity: 'id',
  features: [
    { name: 'distance', type: 'number' },
    { name: 'origin', type: 'category' },
  ],
  label: { expression: 'late' },
  contract: 'contract.yaml',
};

/** A spec with what every spec has to say, to be changed piece by piece. */
export function givenSpec(model: string, changes: Partial<ModelSpecInput> = {}): ModelSpec {
  return modelSpec.parse({
    apiVersion: 'perennial/v1',
    model,
    team: 'tests',
    owner: 'ann',
    data: givenData,
    ...changes,
  });
}
