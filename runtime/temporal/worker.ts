import { NativeConnection } from '@temporalio/worker';
import { transport, unavailable, type TemporalSettings } from './connection.js';

/** The connection that workers poll on; apart, for it brings the whole engine of a worker along. Throws TEMPORAL_UNAVAILABLE. */
export async function connectWorker(settings: TemporalSettings): Promise<NativeConnection> {
  return NativeConnection.connect(transport(settings)).catch((cause: unknown) => {
    throw unavailable(settings.address, cause);
  });
}
