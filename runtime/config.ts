import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { PerennialError } from '../contracts/errors.js';
import { logLevels } from './log.js';
import { ownedGpus } from './owned-gpus.js';
import type { TracingSettings } from './tracing.js';

const port = z.coerce.number().int().min(0).max(65_535);

/** Every setting there is, with what it is for. The environment is read here and nowhere else. */
export const settings = {
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('A PostgreSQL of your own in place of the embedded one'),
  TEMPORAL_ADDRESS: z
    .string()
    .min(1)
    .optional()
    .describe('host:port of a Temporal server of your own'),
  TEMPORAL_NAMESPACE: z.string().min(1).default('perennial').describe('Temporal namespace'),
  TEMPORAL_API_KEY: z.string().min(1).optional().describe('API key for Temporal Cloud'),
  PERENNIAL_HOME: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Folder for everything kept on this machine; .perennial in the working folder by default',
    ),
  PERENNIAL_ARTIFACTS: z
    .string()
    .regex(
      /^(s3:\/\/[a-z0-9.-]+(\/.*)?|\/.*|file:\/\/\/.*)$/,
      'a folder (/path) or s3://bucket/prefix',
    )
    .optional()
    .describe('Where artifacts lie: a folder or s3://bucket/prefix'),
  PERENNIAL_S3_ENDPOINT: z.url().optional().describe('S3 endpoint other than AWS'),
  PERENNIAL_TRAINING: z
    .enum(['process', 'docker', 'kubernetes'])
    .default('process')
    .describe(
      'Where trainings run: as processes of the worker’s machine, as its containers, or as Jobs of a cluster',
    ),
  PERENNIAL_TRAINER_IMAGE: z
    .string()
    .regex(/sha256:[0-9a-f]{64}$/, 'an image by its digest or id: name@sha256:… or sha256:…')
    .optional()
    .describe(
      'Image that trainers run in where a spec names none; `./scripts/trainer-image` makes it',
    ),
  PERENNIAL_GPUS: ownedGpus
    .optional()
    .describe(
      'GPUs that the training workers of this machine own, `class:count,class:count`: they serve the trainings that ask for them',
    ),
  PERENNIAL_DOCKER_HOST: z
    .string()
    .regex(/^(unix:\/\/\/.+|tcp:\/\/[^/]+)$/, 'unix:///path or tcp://host:port')
    .default('unix:///var/run/docker.sock')
    .describe(
      'Docker engine of the training workers, which must see PERENNIAL_HOME by the same path',
    ),
  PERENNIAL_DOCKER_NETWORK: z
    .string()
    .min(1)
    .default('none')
    .describe('Network of the engine that training containers join; `none` shuts them off'),
  PERENNIAL_KUBERNETES_CONTEXT: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Context of the kubeconfig (`KUBECONFIG`); by default its current one, without a kubeconfig the cluster that the worker runs in',
    ),
  PERENNIAL_KUBERNETES_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .default('perennial')
    .describe('Namespace that trainings run in'),
  PERENNIAL_KUBERNETES_CLAIM: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PersistentVolumeClaim with PERENNIAL_HOME in its root, which workers and pods both mount',
    ),
  PERENNIAL_KUBERNETES_QUEUE: z
    .string()
    .min(1)
    .optional()
    .describe('LocalQueue of Kueue that lets trainings start; without one the cluster does'),
  PERENNIAL_KUBERNETES_PLACEMENT: z
    .string()
    .min(1)
    .optional()
    .describe('YAML file that says where pods may run and what they get; docs/trainers.md'),
  PERENNIAL_TRAINER_PYTHON: z
    .string()
    .optional()
    .describe('Python interpreter with the locked requirements of the trainers'),
  PERENNIAL_TEMPORAL_CLI: z.string().optional().describe('Path of a temporal binary already there'),
  PERENNIAL_INSTALLATION: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/)
    .default('local')
    .describe('Tells installations that share an engine apart'),
  PERENNIAL_API: z
    .url()
    .optional()
    .describe('Address of the control API: for the CLI, and for the links in notices'),
  PERENNIAL_API_PORT: port.default(7280).describe('Port of the control API; 0 takes a free one'),
  PERENNIAL_API_TOKEN_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'File with the token that the control API asks for and the CLI sends; needed beyond loopback',
    ),
  PERENNIAL_API_CA_FILE: z
    .string()
    .startsWith('/', 'an absolute path')
    .optional()
    .describe(
      'PEM file of the authorities that signed the certificate of PERENNIAL_API, for trainers that report over HTTP',
    ),
  PERENNIAL_GATEWAY_PORT: port.default(7281).describe('Port of the gateway; 0 takes a free one'),
  // `perennial up` counts on by two from it.
  PERENNIAL_METRICS_PORT: port
    .max(65_533)
    .default(7282)
    .describe(
      'Port of a worker’s metrics and health, those of `perennial up` count on from it; one that is taken is replaced by a free one, 0 takes a free one',
    ),
  PERENNIAL_TEMPORAL_PORT: port
    .default(7233)
    .describe('Port of the embedded Temporal server; its UI takes the next thousand, 8233'),
  PERENNIAL_HOST: z.string().default('127.0.0.1').describe('Address that the doors listen on'),
  PERENNIAL_WORKER_VERSIONING: z
    .enum(['off', 'pinned'])
    .default('off')
    .describe('Worker versioning'),
  PERENNIAL_BUILD_ID: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/)
    .optional()
    .describe('Build id for pinned versioning'),
  PERENNIAL_LOG_LEVEL: z.enum(logLevels).default('info').describe('Log level'),
  PERENNIAL_WEBHOOK_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Where notices are sent (Standard Webhooks)'),
  PERENNIAL_WEBHOOK_SECRET_FILE: z
    .string()
    .optional()
    .describe('File with the secret that signs notices'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Collector that traces are sent to (OTLP over HTTP); without one none are made'),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .regex(/^[^=,]+=[^,]*(,[^=,]+=[^,]*)*$/, 'name=value,name=value')
    .refine(isPercentEncoded, 'values percent-encoded')
    .optional()
    .describe('What the collector asks for, `name=value,name=value`, values percent-encoded'),
  OTEL_SERVICE_NAME: z
    .string()
    .min(1)
    .optional()
    .describe('Name of this process in traces; `perennial-` and its part by default'),
} as const;

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

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function expandHome(path: string): string {
  return resolve(path.replace(/^~(?=\/|$)/, homedir()));
}
