import type { V1EnvVar, V1Job, V1PodSpec, V1Service } from '@kubernetes/client-node';
import { z } from 'zod';
import type { TrainingJob } from '../../contracts/training.js';
import { replicaRoot } from '../replicas.js';
import type { Placement } from './placement.js';

export const label = {
  managedBy: 'app.kubernetes.io/managed-by',
  installation: 'perennial/installation',
  model: 'perennial/model',
  delivery: 'perennial/delivery',
  attempt: 'perennial/attempt',
  jobName: 'batch.kubernetes.io/job-name',
} as const;

/** All of a job's labels as JSON: a digest is no legal value of a Kubernetes label. */
const labelsAnnotation = 'perennial/labels';

export const completionIndex = 'batch.kubernetes.io/job-completion-index';
const rendezvousPort = 29_500;
/** A Job that nobody removes is put away by the cluster; its end has long been recorded by then. */
const keptSeconds = 7 * 86_400;
/** The cluster's own patience where a pod is ended without us: preempted, drained, suspended. */
const graceSeconds = 30;

export const container = 'trainer';
const mountPath = '/opt/ml';

export interface Surroundings {
  installation: string;
  image: string;
  /** Claim whose root is the workers' PERENNIAL_HOME. */
  claim: string;
  /** Kueue's LocalQueue. */
  queue: string | undefined;
  placement: Placement;
  /** Number of the user that owns the job's folder. */
  user: number;
}

/** The `batch/v1` Job of one attempt. The same attempt gives the same object, byte for byte. */
export function jobManifest(job: TrainingJob, around: Surroundings): V1Job {
  const replicas = job.replicas ?? 1;
  const labels = ownLabels(job, around.installation);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: job.key,
      labels: { ...labels, ...queueLabels(around) },
      annotations: { [labelsAnnotation]: JSON.stringify(job.labels) },
    },
    spec: {
      // Temporal decides about another attempt, nobody else.
      backoffLimit: 0,
      completionMode: 'Indexed',
      completions: replicas,
      parallelism: replicas,
      // Kueue lets it go when there is room for all replicas at once.
      ...(around.queue === undefined ? {} : { suspend: true }),
      ttlSecondsAfterFinished: keptSeconds,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        // A rule that matched is named in the Job's own condition, so that the cause outlives the pod.
        rules: [
          { action: 'FailJob', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          {
            action: 'FailJob',
            onExitCodes: { containerName: container, operator: 'NotIn', values: [0] },
          },
        ],
      },
      template: { metadata: { labels }, spec: podSpec(job, around) },
    },
  };
}

/** The labels that `jobManifest` noted. */
export function readLabels(annotations: Record<string, string>): Record<string, string> {
  return z.record(z.string(), z.string()).parse(JSON.parse(annotations[labelsAnnotation] ?? '{}'));
}

/** Gives the replicas of a job names to find each other by; goes with its Job. */
export function serviceManifest(job: TrainingJob, installation: string, uid: string): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: job.key,
      labels: ownLabels(job, installation),
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: job.key, uid }],
    },
    spec: {
      clusterIP: 'None',
      // They look for each other before any of them is ready.
      publishNotReadyAddresses: true,
      selector: { [label.jobName]: job.key },
      ports: [{ name: 'rendezvous', port: rendezvousPort }],
    },
  };
}

function podSpec(job: TrainingJob, { image, claim, placement, user }: Surroundings): V1PodSpec {
  const { gpus } = job.resources ?? {};
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: graceSeconds,
    ...((job.replicas ?? 1) > 1 ? { subdomain: job.key } : {}),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    nodeSelector: {
      ...placement.nodeSelector,
      ...(gpus ? { [placement.gpuLabel]: gpus.class } : {}),
    },
    tolerations: [
      ...placement.tolerations,
      ...(gpus ? [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }] : []),
    ],
    imagePullSecrets: placement.pullSecrets.map((name) => ({ name })),
    containers: [
      {
        name: container,
        image,
        imagePullPolicy: 'IfNotPresent',
        env: environment(job),
        envFrom: placement.secrets.map((name) => ({ secretRef: { name } })),
        resources: quantities(job),
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [
          { name: 'ml', mountPath, subPath: `jobs/${job.key}/ml` },
          { name: 'tmp', mountPath: '/tmp' },
          { name: 'shm', mountPath: '/dev/shm' },
        ],
      },
    ],
    volumes: [
      { name: 'ml', persistentVolumeClaim: { claimName: claim } },
      { name: 'tmp', emptyDir: {} },
      { name: 'shm', emptyDir: { medium: 'Memory', sizeLimit: sharedMemory(job) } },
    ],
  };
}

function environment(job: TrainingJob): V1EnvVar[] {
  const replicas = job.replicas ?? 1;
  const own = {
    ...job.environment,
    PERENNIAL_ML_ROOT: replicas === 1 ? mountPath : replicaRoot(mountPath, '$(RANK)'),
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
    ...(job.resources?.gpus ? { PERENNIAL_GPUS: String(job.resources.gpus.count) } : {}),
  };
  const variables: V1EnvVar[] = Object.entries(own).map(([name, value]) => ({ name, value }));
  if (replicas === 1) return variables;
  const rank = { fieldRef: { fieldPath: `metadata.annotations['${completionIndex}']` } };
  return [
    // The kubelet puts a rank into those that come after it.
    { name: 'RANK', valueFrom: rank },
    ...variables,
    // One process a replica, as torchrun tells its own.
    { name: 'MASTER_ADDR', value: `${job.key}-0.${job.key}` },
    { name: 'MASTER_PORT', value: String(rendezvousPort) },
    { name: 'WORLD_SIZE', value: String(replicas) },
    { name: 'LOCAL_WORLD_SIZE', value: '1' },
    { name: 'LOCAL_RANK', value: '0' },
    { name: 'GROUP_RANK', valueFrom: rank },
  ];
}

/** What is asked for is also the limit: a trainer gets neither less nor more than it said. */
function quantities({
  resources,
}: TrainingJob): NonNullable<V1PodSpec['containers'][number]['resources']> {
  const asked = {
    ...(resources?.cpus === undefined ? {} : { cpu: `${Math.ceil(resources.cpus * 1_000)}m` }),
    ...(resources?.memory === undefined ? {} : { memory: resources.memory }),
    ...(resources?.gpus ? { 'nvidia.com/gpu': String(resources.gpus.count) } : {}),
  };
  return { requests: asked, limits: { ...asked } };
}

/** It counts as memory of the container; 64 MiB are what container engines give unasked. */
function sharedMemory({ resources }: TrainingJob): string {
  return resources?.sharedMemory ?? '64Mi';
}

function ownLabels(job: TrainingJob, installation: string): Record<string, string> {
  return {
    [label.managedBy]: 'perennial',
    [label.installation]: installation,
    [label.model]: job.model,
    [label.delivery]: String(job.delivery),
    [label.attempt]: String(job.attempt),
  };
}

function queueLabels({ queue, placement }: Surroundings): Record<string, string> {
  if (queue === undefined) return {};
  return {
    'kueue.x-k8s.io/queue-name': queue,
    ...(placement.priorityClass === undefined
      ? {}
      : { 'kueue.x-k8s.io/priority-class': placement.priorityClass }),
  };
}
