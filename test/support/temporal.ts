import { randomBytes } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import type { NativeConnection } from '@temporalio/worker';
import { inject } from 'vitest';
import { silentLog } from '../../runtime/log.js';
import { ensureSearchAttributes } from '../../runtime/temporal/search-attributes.js';
import { connectWorker } from '../../runtime/temporal/worker.js';
import { connectTemporal } from '../../runtime/temporal/connection.js';

export interface FreshNamespace {
  address: string;
  namespace: string;
  client: Client;
  nativeConnection: NativeConnection;
  close: () => Promise<void>;
}

/**
 * A namespace of its own on the run's dev server, with our search attributes. Shut workers down before `close`. Given the name `perennial` it is
 * the one that the server came with.
 */
export async function freshNamespace(given?: 'perennial'): Promise<FreshNamespace> {
  const address = inject('temporalAddress');
  const namespace = given ?? `test-${randomBytes(8).toString('hex')}`;
  const { client, connection, close } = await connectTemporal({ address, namespace });
  if (given === undefined)
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
  await ensureSearchAttributes(connection, { namespace, log: silentLog });
  const nativeConnection = await connectWorker({ address, namespace });
  return {
    address,
    namespace,
    client,
    nativeConnection,
    close: async () => {
      await nativeConnection.close();
      await close();
    },
  };
}
