import { dataContract, type DataContract } from '../contracts/contract.js';
import { PerennialError } from '../contracts/errors.js';

/** Reads a contract as it is kept beside a spec. Throws CONTRACT_INVALID naming the place. */
export function parseContract(value: unknown): DataContract {
  const parsed = dataContract.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PerennialError(
    'CONTRACT_INVALID',
    `The data contract is wrong at ${issue?.path.join('.') || 'its top'}: ${issue?.message}.`,
  );
}

/** Share of rows that may go to quarantine before the contract counts as broken; one in a hundred by default. */
export function maximumQuarantineShare(contract: DataContract): number {
  return customProperty(contract, 'maximumQuarantineShare', 0.01);
}

export function freshnessAgainst(contract: DataContract): 'window' | 'clock' {
  return customProperty<'window' | 'clock'>(contract, 'freshnessAgainst', 'clock');
}

function customProperty<T>(contract: DataContract, name: string, otherwise: T): T {
  const found = contract.customProperties.find((each) => each.property === name);
  return found === undefined ? otherwise : (found.value as T);
}
