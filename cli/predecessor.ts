import { isRunning, stopProcess, type ProcessIdentity } from '../runtime/process-identity.js';
import { readStackNotes, type NotedPart } from './stack-notes.js';

/** PostgreSQL and Temporal find each other's leavings themselves and adopt them. */
const adoptable = new Set(['postgres', 'temporal']);

/** Ends what a killed predecessor left running in this home, except the engines. Harmless where there is nothing. */
export async function endPredecessor(home: string): Promise<void> {
  const notes = await readStackNotes(home);
  await endParts((notes?.parts ?? []).filter(({ name }) => !adoptable.has(name)));
}

/** Ends these parts, the last started first, and returns the names of those that ran. */
export async function endParts(parts: NotedPart[]): Promise<string[]> {
  const ended: string[] = [];
  for (const part of parts.toReversed()) {
    const identity = identityOf(part);
    if (!identity || !(await isRunning(identity))) continue;
    await stopProcess(identity, { signal: part.name === 'postgres' ? 'SIGINT' : 'SIGTERM' });
    ended.push(part.name);
  }
  return ended;
}

export function identityOf({ pid, started }: NotedPart): ProcessIdentity | undefined {
  return pid === undefined || started === undefined ? undefined : { pid, started };
}
