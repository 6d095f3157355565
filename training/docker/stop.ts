import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { JobStatus } from '../../contracts/training.js';
import { isRefusal, unavailable, wordsOf } from './engine.js';
import type { Containers, FoundContainer } from './find.js';
import { findLeftBehind, readJobState } from './replicas.js';

const lookMs = 50;
/** How long a killed container may take to be gone. */
const killMs = 30_000;
/** How long the others may take to stop once one replica has failed; seconds. */
const replicaGrace = 20;

/** The end of jobs: by themselves, where one replica takes the others along, by a wish, and of their containers. */
export function createStopping({ engine, containers }: { engine: Docker; containers: Containers }) {
  /** Jobs whose containers were told to stop: to forget one only tells them again. */
  const ending = new Set<string>();

  /** How the job is, told after whatever its failed replica left behind was told to stop. */
  async function look(key: string): Promise<JobStatus> {
    const found = await containers.inspectAll(key);
    if (!ending.has(key)) endTogether(key, findLeftBehind(found));
    return readJobState(found);
  }

  /** The engine itself kills those that do not stop within their grace. */
  function endTogether(key: string, left: FoundContainer[]): void {
    for (const { Id } of left) {
      ending.add(key);
      // One that was not told is found again at the next look.
      engine
        .getContainer(Id)
        .stop({ t: replicaGrace })
        .catch(() => ending.delete(key));
    }
  }

  /** As the port has it. A job that was made and not started leaves nothing. */
  async function cancel(key: string, graceMs: number): Promise<void> {
    if ((await look(key)).state === 'waiting') {
      await removeAll(key);
      return;
    }
    ending.add(key);
    for (const [signal, waitMs] of [
      ['SIGTERM', graceMs],
      ['SIGKILL', killMs],
    ] as const) {
      const running = (await containers.inspectAll(key)).filter(({ State }) => State.Running);
      if (running.length === 0) return;
      await Promise.all(running.map(({ Id }) => tell(Id, signal)));
      await untilEnded(key, waitMs);
    }
  }

  async function tell(id: string, signal: NodeJS.Signals): Promise<void> {
    await engine
      .getContainer(id)
      .kill({ signal })
      .catch((error: unknown) => {
        // It has ended, or is gone, in between.
        if (!isRefusal(error, 404, 409)) throw unavailable(error);
      });
  }

  /** By a clock that nobody sets. */
  async function untilEnded(key: string, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (performance.now() < deadline && (await look(key)).state === 'running')
      await delay(lookMs);
  }

  /** Removes what does not run. That of rank 0 goes last: by it the others are found. A second run finds less, or nothing. */
  async function removeAll(key: string): Promise<void> {
    for (const { Id } of (await containers.inspectAll(key)).toReversed()) await remove(Id);
    ending.delete(key);
  }

  async function remove(id: string): Promise<void> {
    // Another janitor may be at it.
    await engine
      .getContainer(id)
      .remove({ v: true })
      .catch((error: unknown) => {
        if (!isRefusal(error, 404) && !/already in progress/.test(wordsOf(error)))
          throw unavailable(error);
      });
  }

  return { look, cancel, removeAll };
}

export type Stopping = ReturnType<typeof createStopping>;
