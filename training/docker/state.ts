import type Docker from 'dockerode';
import type { JobStatus } from '../../contracts/training.js';

/** Exit codes by which an engine says that a command could not be started at all. */
const notStarted = [126, 127];

/** What an engine says of a container that it finds dead when it comes up after the whole machine went down. */
const lost = 255;

/**
 * What an engine says for ever of a container in whose start it was killed: it trips over its own traces. Whether a trainer ran there for
 * a moment nobody knows, so the job's folder is not used again either.
 */
const halfStarted = /already exists|already in use|file exists/;

/** Whether a container was made and never ran, so that it can still be started. */
export function isCreated(container: Docker.ContainerInspectInfo): boolean {
  const { Status, ExitCode } = container.State;
  return Status === 'created' && !notStarted.includes(ExitCode) && !isHalfStarted(container);
}

function isHalfStarted({ State }: Docker.ContainerInspectInfo): boolean {
  return State.Status === 'created' && halfStarted.test(State.Error);
}

/** The engine's word on how it ended, or why there is none. */
function reasonOf(container: Docker.ContainerInspectInfo): string {
  if (isHalfStarted(container)) return 'The engine was lost while it started the container.';
  const { ExitCode, Error } = container.State;
  return ExitCode === lost ? 'The engine did not see it end.' : Error;
}

/** A container's state in the words of the port. An engine sets the clock back at will: a job never ends before it began. */
export function readState(container: Docker.ContainerInspectInfo): JobStatus {
  const { State: state, Created, Config } = container;
  if (isCreated(container))
    return { state: 'waiting', reason: 'The container is made, not started.' };
  if (state.Running) return { state: 'running', startedAt: timeOf(state.StartedAt) ?? Created };
  const startedAt = timeOf(state.StartedAt) ?? Created;
  const finishedAt = timeOf(state.FinishedAt);
  const reason = reasonOf(container);
  // Nobody's fault, and nothing that another attempt could not do better: as if it had been killed.
  const killed = state.ExitCode === lost || isHalfStarted(container);
  return {
    state: 'exited',
    code: killed ? 137 : state.ExitCode,
    outOfMemory: state.OOMKilled,
    startedAt,
    finishedAt: finishedAt !== null && finishedAt > startedAt ? finishedAt : startedAt,
    image: Config.Image,
    ...(reason ? { reason } : {}),
  };
}

/** Engines write the year 1 for never. */
function timeOf(text: string): string | null {
  const time = new Date(text);
  return time.getUTCFullYear() > 1 ? time.toISOString() : null;
}
