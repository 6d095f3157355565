import type Docker from 'dockerode';
import type { JobStatus } from '../../contracts/training.js';

/** Exit codes by which an engine says that a command could not be started at all. */
const notStarted = [126, 127];

/** What an engine says of a container that it finds dead when it comes up after the whole machine went down. */
const lost = 255;

/** Whether a container was made and never ran, so that it can still be started. */
export function isCreated({ State }: Docker.ContainerInspectInfo): boolean {
  return State.Status === 'created' && !notStarted.includes(State.ExitCode);
}

/** A container's state in the words of the port. An engine sets the clock back at will: a job never ends before it began. */
export function readState(container: Docker.ContainerInspectInfo): JobStatus {
  const { State: state, Created, Config } = container;
  if (isCreated(container))
    return { state: 'waiting', reason: 'The container is made, not started.' };
  if (state.Running) return { state: 'running', startedAt: timeOf(state.StartedAt) ?? Created };
  const startedAt = timeOf(state.StartedAt) ?? Created;
  const finishedAt = timeOf(state.FinishedAt);
  const reason = state.ExitCode === lost ? 'The engine did not see it end.' : state.Error;
  return {
    state: 'exited',
    // Nobody's fault, and nothing that another attempt could not do better: as if it had been killed.
    code: state.ExitCode === lost ? 137 : state.ExitCode,
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
