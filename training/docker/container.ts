import type Docker from 'dockerode';
import { bytes } from '../../contracts/resources.js';
import type { TrainingJob } from '../../contracts/training.js';
import { meetingPort, replicaRoot, variablesOfOneMachineEach } from '../replicas.js';
import { containerName } from './replicas.js';

const folderInside = '/opt/ml';
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
  rank = 0,
): Docker.ContainerCreateOptions {
  const { cpus, memory, sharedMemory, gpus } = job.resources ?? {};
  return {
    name: containerName(job.key, rank),
    Image: image,
    User: user,
    Env: Object.entries(environmentOf(job, rank)).map(([name, value]) => `${name}=${value}`),
    Labels: prefixed(labelsOf(job)),
    HostConfig: {
      Mounts: [{ Type: 'bind', Source: root, Target: folderInside }],
      Tmpfs: { '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${temporaryBytes}` },
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      // They meet as processes of one machine do, whatever else they may reach.
      NetworkMode: rank === 0 ? network : `container:${job.key}`,
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
              { Driver: 'nvidia', ...grantOf(job, gpus.count, rank), Capabilities: [['gpu']] },
            ],
          }),
    },
  };
}

/** The GPUs that it holds, where somebody keeps count; any of the engine's else. */
function grantOf({ devices }: TrainingJob, count: number, rank: number) {
  const own = devices?.slice(rank * count, (rank + 1) * count);
  return own ? { DeviceIDs: own.map(String) } : { Count: count };
}

function environmentOf(job: TrainingJob, rank: number): Record<string, string> {
  const gpus = job.resources?.gpus?.count;
  return {
    ...job.environment,
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    PERENNIAL_ML_ROOT: folderInside,
    // An engine may grant fewer than it was asked for and say nothing; the entry point counts.
    ...(gpus === undefined ? {} : { PERENNIAL_GPUS: String(gpus) }),
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
    ...replicaVariables(job, rank),
  };
}

function replicaVariables({ key, replicas = 1 }: TrainingJob, rank: number) {
  if (replicas === 1) return {};
  const meeting = { address: '127.0.0.1', port: meetingPort(key), replicas };
  const PERENNIAL_ML_ROOT = replicaRoot(folderInside, rank);
  return { ...variablesOfOneMachineEach(meeting, rank), PERENNIAL_ML_ROOT };
}

/** What a job is known by; of none nothing. */
export function labelsOf(job: TrainingJob | null): Record<string, string> {
  if (!job) return {};
  const { labels, model, delivery, attempt, replicas = 1 } = job;
  const several = replicas === 1 ? {} : { replicas: String(replicas) };
  return { ...labels, model, delivery: String(delivery), attempt: String(attempt), ...several };
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
