import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../runtime/digest.js';

/** Below the ports that Linux hands out by itself, so that no passing connection takes one before rank 0 opens it. */
export const meetingPorts = { first: 20_000, count: 10_000 };

/** What of `/opt/ml` all replicas see; the rest each has for itself. */
const shared = ['input', 'checkpoints', 'code'];
const own = ['model', 'output'];

/** Where the trainer of that rank finds its `/opt/ml`, below the job's; that of rank 0 leads to the job's. */
export function replicaRoot(root: string, rank: number | string): string {
  return join(root, 'replicas', String(rank));
}

/**
 * Makes a folder for each rank: what a replica reads, and its checkpoints, are the job's; what it hands over is its own, so that no two
 * write the same manifest. That of rank 0 is the job's.
 */
export async function layOutReplicas(root: string, replicas: number): Promise<void> {
  if (replicas === 1) return;
  await mkdir(join(root, 'replicas'));
  await symlink('..', replicaRoot(root, 0));
  for (let rank = 1; rank < replicas; rank += 1) {
    const folder = replicaRoot(root, rank);
    for (const name of own) await mkdir(join(folder, name), { recursive: true });
    // Relative: a container sees the same folder by another path.
    for (const name of shared) await symlink(join('..', '..', name), join(folder, name));
  }
}

/** How the replicas of one job reach each other. */
interface Meeting {
  address: string;
  port: number;
  replicas: number;
}

/** The variables by which torchrun tells its processes of each other, one machine and one process a rank. */
export function variablesOnOneMachine(
  { address, port, replicas }: Meeting,
  rank: number,
): Record<string, string> {
  return {
    MASTER_ADDR: address,
    MASTER_PORT: String(port),
    WORLD_SIZE: String(replicas),
    LOCAL_WORLD_SIZE: String(replicas),
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    GROUP_RANK: '0',
  };
}

/** The variables of a container that is to its trainer a machine of its own. */
export function variablesOfOneMachineEach(meeting: Meeting, rank: number): Record<string, string> {
  const same = variablesOnOneMachine(meeting, rank);
  return { ...same, LOCAL_WORLD_SIZE: '1', LOCAL_RANK: '0', GROUP_RANK: String(rank) };
}

/** The port where rank 0 of a job listens: the same one each time. */
export function meetingPort(key: string, tries = 0): number {
  const spread = Number.parseInt(digestOf(key).slice(0, 8), 16);
  return meetingPorts.first + ((spread + tries) % meetingPorts.count);
}

/** Which of several replicas ended all of them. */
export function tellCulprit(
  rank: number,
  { code, outOfMemory }: { code: number; outOfMemory: boolean },
): string {
  const what = outOfMemory ? 'ran out of memory' : `ended with exit code ${code}`;
  return `Replica ${rank} ${what}, and so all were ended.`;
}
