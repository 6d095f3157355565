import type { Database } from '../db/connect.js';
import type { Log } from '../runtime/log.js';
import type { Tracing } from '../runtime/tracing/tracing.js';
import type { ApiMetrics } from './metrics.js';
import type { PinImage } from './pin-image.js';
import type { Engine } from './workflow-calls.js';

/** What the control API stands on. */
export interface ApiDependencies {
  db: Database;
  engine: Engine;
  log: Log;
  /** Asked of everybody where given. */
  token?: string;
  metrics?: ApiMetrics;
  /** Left out where trainings run in no image. */
  pinImage?: PinImage | undefined;
  /** Null where no traces are made. */
  tracing?: Tracing | null;
}
