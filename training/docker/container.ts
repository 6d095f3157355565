import type Docker from 'dockerode';
import { bytes } from '../../contracts/resources.js';
import type { TrainingJob } from '../../contracts/training.js';

/** Prefix of our labels on a container. */
const ours = 'perennial.';
/** Processes and threads of one training. A fork bomb ends here, data loaders do not. */
const mostProcesses = 4_096;
/** Room under /tmp; it counts as the training's memory. */
const temporaryBytes = 2 ** 30;
/** The engine's copy of the output, in two files of this size; the job's folder keeps what counts. */
const logFileSize = '32m';

export interface Surroundings {
  /** By digest or id. */
  image: string;
  /** Folder of the worker that becomes /opt/ml; the engine sees it by the same path. */
  root: string;
  /** `uid:gid` that owns the folder. */
  user: string;
  /** Name of a network of the engine's, or `none`. */
  network: string;
}

/**
 * A job as the engine is asked for it. Its image's own entry point trains. It may write /opt/ml and /tmp, holds no capability, gains
 * none, and reaches nothing but the network it was given.
 */
export function describeContainer(
  job: TrainingJob,
  { image, root, user, network }: Surroundings,
): Docker.ContainerCreateOptions {
  const { cpus, memory, sharedMemory, gpus } = job.resources ?? {};
  return {
    name: job.key,
    Image: image,
    User: user,
    Env: Object.entries(environmentOf(job)).map(([name, value]) => `${name}=${value}`),
    Labels: prefixed(labelsOf(job)),
    HostConfig: {
      Mounts: [{ Type: 'bind', Source: root, Target: '/opt/ml' }],
      Tmpfs: { '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${temporaryBytes}` },
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      NetworkMode: network,
      PidsLimit: mostProcesses,
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      LogConfig: { Type: 'json-file', Config: { 'max-size': logFileSize, 'max-file': '2' } },
      ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      // Swap would only make a training that has too little memory slow before it fails.
      ...(memory === undefined ? {} : { Memory: bytes(memory), MemorySwap: bytes(memory) }),
      ...(sharedMemory === undefined ? {} : { ShmSize: bytes(sharedMemory) }),
      ...(gpus === undefined
        ? {}
        : {
            DeviceRequests: [
              { Driver: 'nvidia', ...grantOf(job, gpus.count), Capabilities: [['gpu']] },
            ],
          }),
    },
  };
}

/** The GPUs that it holds, where somebody keeps count; any of the engine's else. */
function grantOf({ devices }: TrainingJob, count: number) {
  return devices ? { DeviceIDs: devices.map(String) } : { Count: count };
}

function environmentOf(job: TrainingJob): Record<string, string> {
  const gpus = job.resources?.gpus?.count;
  return {
    ...job.environment,
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    PERENNIAL_ML_ROOT: '/opt/ml',
    // An engine may grant fewer than it was asked for and say nothing; the entry point counts.
    ...(gpus === undefined ? {} : { PERENNIAL_GPUS: String(gpus) }),
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
  };
}

/** What a job is known by; of none nothing. */
export function labelsOf(job: TrainingJob | null): Record<string, string> {
  if (!job) return {};
  const { labels, model, delivery, attempt } = job;
  return { ...labels, model, delivery: String(delivery), attempt: String(attempt) };
}

function prefixed(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [ours + name, value]));
}

/** Ours among the labels of a container, without their prefix. */
export function readLabels(labels: Record<string, string>): Record<string, string> {
  const named = Object.entries(labels).filter(([name]) => name.startsWith(ours));
  return Object.fromEntries(named.map(([name, value]) => [name.slice(ours.length), value]));
}

/** What the engine is asked for to hear of one installation's containers. */
export function labelFilter(installation: string): { label: string[] } {
  return { label: [`${ours}installation=${installation}`] };
}
