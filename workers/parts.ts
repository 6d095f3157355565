import type { Client, Connection } from '@temporalio/client';
import type { Database } from '../db/connect.js';
import type { ArtifactStore } from '../runtime/artifacts.js';
import type { Clock } from '../runtime/clock.js';
import type { Config } from '../runtime/config.js';
import type { WorkerDependencies } from './worker.js';

/** Everything that is connected once in a worker process and handed down from there. */
export interface Parts extends WorkerDependencies {
  config: Config;
  db: Database;
  artifacts: ArtifactStore;
  client: Client;
  clientConnection: Connection;
  clock: Clock;
}
