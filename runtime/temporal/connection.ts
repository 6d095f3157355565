import { Client, Connection } from '@temporalio/client';
import { PerennialError } from '../../contracts/errors.js';
import type { Tracing } from '../tracing/tracing.js';

export interface TemporalSettings {
  /** host:port */
  address: string;
  namespace: string;
  /** For Temporal Cloud; switches TLS on. */
  apiKey?: string | undefined;
}

export interface TemporalClient {
  client: Client;
  connection: Connection;
  close: () => Promise<void>;
}

/** A client for starting and messaging workflows. Throws TEMPORAL_UNAVAILABLE where the server does not answer within `patience` milliseconds. */
export async function connectTemporal(
  settings: TemporalSettings,
  { patience = 10_000, tracing = null }: { patience?: number; tracing?: Tracing | null } = {},
): Promise<TemporalClient> {
  const connection = await Connection.connect({
    ...transport(settings),
    connectTimeout: patience,
  }).catch((cause: unknown) => {
    throw unavailable(settings.address, cause);
  });
  const client = new Client({
    connection,
    namespace: settings.namespace,
    ...(tracing ? { interceptors: tracing.client } : {}),
  });
  return { client, connection, close: () => connection.close() };
}

/** How either kind of connection gets there. */
export function transport({ address, apiKey }: TemporalSettings) {
  return apiKey === undefined ? { address } : { address, apiKey, tls: true };
}

export function unavailable(address: string, cause: unknown): PerennialError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new PerennialError(
    'TEMPORAL_UNAVAILABLE',
    `There is no Temporal server at ${address}: ${reason}`,
    {},
    { cause },
  );
}
