import { fileURLToPath } from 'node:url';
import type { Config } from '../runtime/config.js';
import type { Floor } from './running-parts.js';

/** One of our own processes. */
export interface NodePart {
  name: string;
  file: string;
  args: string[];
  floor: Floor;
  environment: Record<string, string | undefined>;
}

const fileOf = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** The processes of a stack. They are told everything by their environment, as they would be on a cluster. */
export function nodeParts({
  config,
  databaseUrl,
  temporalAddress,
  ports,
}: {
  config: Config;
  databaseUrl: string;
  temporalAddress: string;
  ports: { api: number; gateway: number };
}): NodePart[] {
  const environment = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: config.temporal.namespace,
    PERENNIAL_HOME: config.home,
    PERENNIAL_ARTIFACTS: config.artifacts,
    PERENNIAL_API_TOKEN_FILE: config.api.tokenFile,
    PERENNIAL_WEBHOOK_SECRET_FILE: config.webhook.secretFile,
    PERENNIAL_API_PORT: String(ports.api),
    PERENNIAL_GATEWAY_PORT: String(ports.gateway),
    PERENNIAL_HOST: config.host,
    PERENNIAL_INSTALLATION: config.installation,
    PERENNIAL_LOG_LEVEL: config.logLevel,
    PERENNIAL_TRAINER_PYTHON: config.trainerPython ?? fileOf('.tools/trainer/bin/python'),
    PERENNIAL_WORKER_VERSIONING: config.versioning.mode,
  };
  const part = (name: string, floor: Floor, path: string, ...args: string[]): NodePart => ({
    name,
    floor,
    file: fileOf(path),
    args,
    environment,
  });
  return [
    part('pipeline', 1, 'workers/main.ts', 'pipeline,judge'),
    part('compute', 1, 'workers/main.ts', 'compute'),
    part('training', 1, 'workers/main.ts', 'training'),
    part('api', 2, 'api/main.ts'),
    part('gateway', 2, 'serving/main.ts'),
  ];
}
