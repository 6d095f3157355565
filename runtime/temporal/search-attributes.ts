import type { Connection } from '@temporalio/client';
import { searchAttributes } from '../../contracts/messages.js';
import type { Log } from '../log.js';

/** Numbers of temporal.api.enums.v1.IndexedValueType. */
const typeCodes = { Keyword: 2, Double: 4, Bool: 5 } as const;
const alreadyExists = 6;

/**
 * Makes sure that the search attributes exist, for a workflow that sets an unknown one hangs. Where the server refuses to make them (Temporal
 * Cloud), logs what to create and goes on. Harmless to run again.
 */
export async function ensureSearchAttributes(
  connection: Connection,
  { namespace, log }: { namespace: string; log: Log },
): Promise<void> {
  let missing = Object.entries(searchAttributes);
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace,
    });
    missing = missing.filter(([name]) => customAttributes[name] === undefined);
    if (missing.length === 0) return;
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(
        missing.map(([name, type]) => [name, typeCodes[type]] as const),
      ),
    });
  } catch (error) {
    // Two workers starting at once: the other one was faster.
    if ((error as { code?: number }).code === alreadyExists) return;
    log.warn('The Temporal server lets nobody here make search attributes: create them there', {
      namespace,
      create: missing.map(([name, type]) => `${name}=${type}`),
      error,
    });
  }
}
