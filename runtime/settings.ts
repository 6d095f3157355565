import { z } from 'zod';
import { logLevels } from './log.js';
import { ownedGpus } from './owned-gpus.js';

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
  PERENNIAL_IMAGE_TAGS: z
    .enum(['resolve', 'refuse'])
    .default('resolve')
    .describe(
      'What the control API does with a tag in a spec: keep the digest that it stands for when it is applied, or refuse it',
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

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
