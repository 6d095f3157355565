import { rename, rm } from 'node:fs/promises';
import type { Arena } from '../arena.js';
import { familyOf, findByCommand } from '../family.js';
import { inflict } from '../inflict.js';
import { folderOfJob } from './training.js';
import type { TrainingTarget } from './plan.js';
import type { Subject } from './subject.js';

/** What was taken away, and when; milliseconds since 1970. */
export interface Strike {
  target: TrainingTarget;
  at: number;
}

/** Takes it away by kill −9, as it is at this moment. */
export async function strike(
  arena: Arena,
  subject: Subject,
  target: TrainingTarget,
): Promise<void> {
  if (target === 'worker')
    return inflict(arena, { kind: 'kill', target: 'training', stage: 'train', moment: 0 });
  if (target === 'engine') return arena.engine?.hurt();
  const { key, folder } = folderOfJob(arena, subject.name, await subject.attempt());
  const first = arena.engine
    ? await arena.engine.firstProcess(key)
    : await findByCommand('process/wrapper.py', folder);
  kill(target === 'trainer' ? await childrenOf(first) : first);
  if (target !== 'machine') return;
  await subject.attempt();
  // At once, as a machine goes: nobody sees half of it.
  const gone = `${folder}.gone`;
  await rename(folder, gone).catch(unlessMissing);
  await arena.engine?.removeContainer(key);
  await rm(gone, { recursive: true, force: true, maxRetries: 3 });
}

async function childrenOf(pids: readonly number[]): Promise<number[]> {
  const families = await Promise.all(pids.map(familyOf));
  return families.flatMap(([, ...children]) => children);
}

function kill(pids: readonly number[]): void {
  for (const pid of pids)
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It has just ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
