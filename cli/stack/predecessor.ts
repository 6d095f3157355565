import { realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, stopProcess, type ProcessIdentity } from '../../runtime/process-identity.js';
import { readStackNotes, removeStackNotes, type NotedPart } from './notes.js';

/** PostgreSQL and Temporal find each other's leavings themselves and adopt them. */
const adoptable = new Set(['postgres', 'temporal']);

/** Ends what a killed predecessor left running in this home, except the engines. Harmless where there is nothing. */
export async function endPredecessor(home: string): Promise<void> {
  const notes = await readStackNotes(home);
  await endParts((notes?.parts ?? []).filter(({ name }) => !adoptable.has(name)));
}

/** Ends these parts, the last started first, and returns the names of those that ran. */
async function endParts(parts: NotedPart[]): Promise<string[]> {
  const ended: string[] = [];
  for (const part of parts.toReversed()) {
    const identity = identityOf(part);
    if (!identity || !(await isRunning(identity))) continue;
    await stopProcess(identity, { signal: part.name === 'postgres' ? 'SIGINT' : 'SIGTERM' });
    ended.push(part.name);
  }
  return ended;
}

/** Stops everything that runs from this home, through its supervisor where that lives, and answers the names of what ran. Data stays. */
export async function stopStack(home: string): Promise<string[]> {
  const notes = await readStackNotes(home);
  if (!notes) return [];
  const { supervisor, parts } = notes;
  const supervised = await isRunning(supervisor);
  if (supervised) await stopProcess(supervisor, { patience: 60_000 });
  const ended = await endParts(parts);
  await removeStackNotes(home);
  return supervised ? parts.filter(({ pid }) => pid !== undefined).map(({ name }) => name) : ended;
}

/** Stops everything that runs from this home and removes all that it remembers: for a demo that starts afresh. */
export async function removeStack(home: string): Promise<void> {
  await stopStack(home);
  const elsewhere = await realpath(join(home, 'postgres', 'elsewhere')).catch(() => undefined);
  if (elsewhere !== undefined) await rm(elsewhere, { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
}

export function identityOf({ pid, started }: NotedPart): ProcessIdentity | undefined {
  return pid === undefined || started === undefined ? undefined : { pid, started };
}
