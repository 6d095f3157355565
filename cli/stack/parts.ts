import { fileURLToPath } from 'node:url';
import type { Config } from '../../runtime/config.js';
import { tellOwnedGpus } from '../../runtime/owned-gpus.js';
import { httpAddress } from '../../runtime/http-address.js';
import type { Floor } from './running-parts.js';

/** One of our own processes. */
export interface NodePart {
  name: string;
  file: string;
  args: string[];
  floor: Floor;
  environment: Record<string, string | undefined>;
}

const fileOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The interpreter that trainings run with: the one that the settings name, or the checkout's own. */
export function pythonOf({ trainerPython }: Config): string {
  return trainerPython ?? fileOf('.tools/trainer/bin/python');
}

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
    PERENNIAL_API: config.api.url ?? httpAddress(config.host, ports.api),
    PERENNIAL_API_TOKEN_FILE: config.api.tokenFile,
    PERENNIAL_WEBHOOK_SECRET_FILE: config.webhook.secretFile,
    PERENNIAL_API_PORT: String(ports.api),
    PERENNIAL_GATEWAY_PORT: String(ports.gateway),
    PERENNIAL_HOST: config.host,
    PERENNIAL_INSTALLATION: config.installation,
    PERENNIAL_LOG_LEVEL: config.logLevel,
    PERENNIAL_GPUS: tellOwnedGpus(config.gpus),
    PERENNIAL_TRAINING: config.training,
    PERENNIAL_TRAINER_IMAGE: config.trainerImage,
    PERENNIAL_DOCKER_HOST: config.docker.host,
    PERENNIAL_DOCKER_NETWORK: config.docker.network,
    PERENNIAL_KUBERNETES_PLACEMENT: config.kubernetes.placement,
    PERENNIAL_TRAINER_PYTHON: pythonOf(config),
    PERENNIAL_WORKER_VERSIONING: config.versioning.mode,
  };
  const worker = (name: string, kinds: string, at: number): NodePart => ({
    name,
    floor: 1,
    file: fileOf('workers/main.ts'),
    args: [kinds],
    environment: { ...environment, PERENNIAL_METRICS_PORT: countOn(config.metrics.port, at) },
  });
  const door = (name: string, path: string): NodePart => ({
    name,
    floor: 2,
    file: fileOf(path),
    args: [],
    environment,
  });
  return [
    worker('pipeline', 'pipeline,judge', 0),
    worker('compute', 'compute', 1),
    worker('training', 'training', 2),
    door('api', 'api/main.ts'),
    door('gateway', 'serving/main.ts'),
  ];
}

/** A free port stays one. */
function countOn(port: number, at: number): string {
  return String(port === 0 ? 0 : port + at);
}
