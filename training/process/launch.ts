import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { PerennialError } from '../../contracts/errors.js';
import type { TrainingJob } from '../../contracts/training.js';
import { keptEndBytes, keptLogBytes } from '../file-lines.js';
import { writeJson, type JobFolder } from '../job-folder.js';
import { openProgressDoor, type ProgressDoor } from '../progress-door.js';
import { replicaRoot, variablesOnOneMachine } from '../replicas.js';
import { trainerCommand } from '../trainer.js';
import { findMeetingPort } from './meeting-port.js';

const wrapper = fileURLToPath(new URL('wrapper.py', import.meta.url));

export interface LaunchSettings {
  python: string;
  /** Where trainers may report over HTTP; left out, they write their progress alone. */
  progressDoor?: ProgressDoor | undefined;
  /** How long the others may take to stop once one replica has failed. */
  replicaGraceMs?: number;
}

/**
 * Writes down what is to run, and starts a wrapper that does, detached: it outlives this process. Of two wrappers of one job the
 * second goes home. Throws TOOL_MISSING where there is no such Python.
 */
export async function launchWrapper(
  job: TrainingJob,
  { folder, root, launch }: JobFolder,
  { python, progressDoor, replicaGraceMs = 20_000 }: LaunchSettings,
): Promise<ChildProcess> {
  const reporting =
    progressDoor && (await openProgressDoor(progressDoor, { key: job.key, folder }));
  const surroundings = trainerEnvironment(root, folder);
  await writeJson(launch, {
    command: await trainerCommand(job.trainer, python),
    environment: { ...job.environment, ...visibleDevices(job), ...reporting, ...surroundings },
    workingFolder: folder,
    ...(await describeReplicas(job, root)),
    graceSeconds: replicaGraceMs / 1_000,
    logBytes: keptLogBytes,
    endBytes: keptEndBytes,
  });
  const child = spawn(python, [wrapper, folder], {
    detached: true,
    stdio: 'ignore',
    env: surroundings,
  });
  await once(child, 'spawn').catch((error: unknown) => {
    throw new PerennialError(
      'TOOL_MISSING',
      `The trainer's Python ${python} cannot be started.`,
      {},
      { cause: error },
    );
  });
  child.unref();
  return child;
}

/** By the order that the driver's own tools count in, which is not that of CUDA. */
function visibleDevices({ devices }: TrainingJob): Record<string, string> {
  if (devices === undefined) return {};
  return { CUDA_DEVICE_ORDER: 'PCI_BUS_ID', CUDA_VISIBLE_DEVICES: devices.join(',') };
}

/** What each replica gets to know beside what all do; nothing of one that trains alone. */
async function describeReplicas({ key, replicas = 1 }: TrainingJob, root: string) {
  if (replicas === 1) return {};
  const meeting = { address: '127.0.0.1', port: await findMeetingPort(key), replicas };
  const ranks = Array.from({ length: replicas }, (_, rank) => ({
    ...variablesOnOneMachine(meeting, rank),
    PERENNIAL_ML_ROOT: replicaRoot(root, rank),
  }));
  return { replicas: ranks };
}

/** All that a trainer gets to know of this process's surroundings: no address, no secret. */
function trainerEnvironment(root: string, folder: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    ...(process.env['LD_LIBRARY_PATH'] ? { LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] } : {}),
    HOME: folder,
    LANG: 'C.UTF-8',
    PERENNIAL_ML_ROOT: root,
    PYTHONUNBUFFERED: '1',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONHASHSEED: '0',
  };
}
