import type Docker from 'dockerode';
import type { JobStatus } from '../../contracts/training.js';
import { tellCulprit } from '../replicas.js';
import { readState } from './state.js';

type Container = Docker.ContainerInspectInfo;

/** The container of that rank. That of rank 0 is named as the job is, and by it the engine knows the job. */
export function containerName(key: string, rank: number): string {
  return rank === 0 ? key : `${key}-replica-${rank}`;
}

export function rankOf({ Name }: Container): number {
  return Number(/-replica-(\d+)$/.exec(Name)?.[1] ?? 0);
}

/** The state of a job, by those of its containers that are there: it runs while one of them does, and the first that failed is its end. */
export function readJobState(containers: Container[]): JobStatus {
  const [first] = containers;
  if (!first) return { state: 'gone' };
  const state = readState(first);
  if (containers.length === 1 || state.state !== 'exited') return state;
  const { startedAt } = state;
  if (containers.some(({ State }) => State.Running)) return { state: 'running', startedAt };
  // One that was made and never joined the others has nothing to say of how they ended.
  const ends = containers
    .flatMap((each) => {
      const read = readState(each);
      return read.state === 'exited' ? [{ ...read, rank: rankOf(each) }] : [];
    })
    .toSorted((one, other) => Date.parse(one.finishedAt) - Date.parse(other.finishedAt));
  const finishedAt = ends.at(-1)?.finishedAt ?? state.finishedAt;
  const culprit = ends.find(({ code }) => code !== 0);
  if (!culprit) return { ...state, finishedAt };
  const { rank, ...end } = culprit;
  return { ...end, startedAt, finishedAt, reason: tellCulprit(rank, end) };
}

/** Those that go on although another has failed. */
export function findLeftBehind(containers: Container[]): Container[] {
  const failed = containers
    .map(readState)
    .some((each) => each.state === 'exited' && each.code !== 0);
  return failed ? containers.filter(({ State }) => State.Running) : [];
}
