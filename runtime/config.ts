import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import { settings } from './settings.js';
import type { TracingSettings } from './tracing/tracing.js';

/** Settings that are secrets themselves. */
const secret = new Set(['TEMPORAL_API_KEY', 'OTEL_EXPORTER_OTLP_HEADERS']);

const schema = z.object(settings);
type Settings = z.infer<typeof schema>;

export interface Config {
  databaseUrl: string | undefined;
  temporal: {
    address: string | undefined;
    namespace: string;
    apiKey: string | undefined;
    cli: string | undefined;
    port: number;
  };
  home: string;
  artifacts: string;
  s3Endpoint: string | undefined;
  training: Settings['PERENNIAL_TRAINING'];
  trainerPython: string | undefined;
  trainerImage: string | undefined;
  imageTags: Settings['PERENNIAL_IMAGE_TAGS'];
  /** Classes with the numbers of their devices. */
  gpus: { class: string; devices: number[] }[];
  docker: { host: string; network: string };
  kubernetes: {
    context: string | undefined;
    namespace: string;
    claim: string | undefined;
    queue: string | undefined;
    placement: string | undefined;
  };
  installation: string;
  host: string;
  api: {
    url: string | undefined;
    port: number;
    tokenFile: string | undefined;
    caFile: string | undefined;
  };
  gateway: { port: number };
  metrics: { port: number };
  versioning: { mode: 'off' | 'pinned'; buildId: string | undefined };
  logLevel: Settings['PERENNIAL_LOG_LEVEL'];
  webhook: { url: string | undefined; secretFile: string | undefined };
  tracing: TracingSettings | undefined;
}

/** Reads the environment once. Throws CONFIG_INVALID naming the setting, what was found and what is allowed; a PERENNIAL_ name nobody knows is refused too. */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const unknown = Object.keys(environment).filter(
    (name) => name.startsWith('PERENNIAL_') && !Object.hasOwn(settings, name),
  );
  if (unknown.length > 0) {
    throw new PerennialError(
      'CONFIG_INVALID',
      `There is no setting ${unknown.join(', ')}. Known ones: ${Object.keys(settings).join(', ')}.`,
    );
  }
  const given = Object.fromEntries(
    Object.keys(settings).map((name) => [
      name,
      environment[name] === '' ? undefined : environment[name],
    ]),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const name = String(issue?.path[0]);
    throw new PerennialError(
      'CONFIG_INVALID',
      `${name} is '${withoutSecret(name, given[name])}': ${issue?.message}.`,
    );
  }
  const found = parsed.data;
  const home = expandHome(found.PERENNIAL_HOME ?? '.perennial');
  return {
    databaseUrl: found.DATABASE_URL,
    temporal: {
      address: found.TEMPORAL_ADDRESS,
      namespace: found.TEMPORAL_NAMESPACE,
      apiKey: found.TEMPORAL_API_KEY,
      cli: found.PERENNIAL_TEMPORAL_CLI,
      port: found.PERENNIAL_TEMPORAL_PORT,
    },
    home,
    artifacts: found.PERENNIAL_ARTIFACTS?.replace(/^file:\/\//, '') ?? resolve(home, 'artifacts'),
    s3Endpoint: found.PERENNIAL_S3_ENDPOINT,
    training: found.PERENNIAL_TRAINING,
    trainerPython: found.PERENNIAL_TRAINER_PYTHON,
    trainerImage: found.PERENNIAL_TRAINER_IMAGE,
    imageTags: found.PERENNIAL_IMAGE_TAGS,
    gpus: found.PERENNIAL_GPUS ?? [],
    docker: { host: found.PERENNIAL_DOCKER_HOST, network: found.PERENNIAL_DOCKER_NETWORK },
    kubernetes: {
      context: found.PERENNIAL_KUBERNETES_CONTEXT,
      namespace: found.PERENNIAL_KUBERNETES_NAMESPACE,
      claim: found.PERENNIAL_KUBERNETES_CLAIM,
      queue: found.PERENNIAL_KUBERNETES_QUEUE,
      placement: expandFile(found.PERENNIAL_KUBERNETES_PLACEMENT),
    },
    installation: found.PERENNIAL_INSTALLATION,
    host: found.PERENNIAL_HOST,
    api: {
      url: found.PERENNIAL_API,
      port: found.PERENNIAL_API_PORT,
      tokenFile: expandFile(found.PERENNIAL_API_TOKEN_FILE),
      caFile: found.PERENNIAL_API_CA_FILE,
    },
    gateway: { port: found.PERENNIAL_GATEWAY_PORT },
    metrics: { port: found.PERENNIAL_METRICS_PORT },
    versioning: { mode: found.PERENNIAL_WORKER_VERSIONING, buildId: found.PERENNIAL_BUILD_ID },
    logLevel: found.PERENNIAL_LOG_LEVEL,
    webhook: {
      url: found.PERENNIAL_WEBHOOK_URL,
      secretFile: expandFile(found.PERENNIAL_WEBHOOK_SECRET_FILE),
    },
    tracing: tracingOf(found),
  };
}

function tracingOf(found: Settings): TracingSettings | undefined {
  const endpoint = found.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return undefined;
  const pairs = found.OTEL_EXPORTER_OTLP_HEADERS?.split(',') ?? [];
  const headers = pairs.map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [name.trim(), decodeURIComponent(value.join('=').trim())];
  });
  return {
    endpoint,
    headers: Object.fromEntries(headers) as Record<string, string>,
    service: found.OTEL_SERVICE_NAME,
  };
}

/** Whether only this machine reaches what listens at this address. */
export function isLoopback(host: string): boolean {
  return /^(127(\.\d+){3}|::1|localhost)$/.test(host);
}

/** Absolute, since the parts of a stack run in another folder than the one it was named from. */
function expandFile(path: string | undefined): string | undefined {
  return path === undefined ? undefined : expandHome(path);
}

/** What may be said of a setting that was refused: the sentence ends up in terminals and logs. */
function withoutSecret(name: string, value = ''): string {
  if (secret.has(name)) return '[hidden]';
  return value.replace(/\/\/[^/@]*@/, '//[hidden]@');
}

function expandHome(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, homedir()));
}
