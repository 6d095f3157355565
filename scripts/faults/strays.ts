import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arena } from './arena.js';
import { findByCommand } from './family.js';

/** What trainings left behind on the machine, by whatever name, when none should run any more; a sentence each. */
export async function findStrays({ home, engine }: Arena): Promise<string[]> {
  const jobs = join(home, 'jobs');
  const processes = await findByCommand(jobs);
  const folders = await readdir(jobs).catch(() => []);
  const containers = (await engine?.count()) ?? 0;
  return [
    ...(processes.length > 0 ? [`the processes ${processes.join(' ')} are left`] : []),
    ...(folders.length > 0 ? [`the folders ${folders.join(' ')} are left`] : []),
    ...(containers > 0 ? [`${containers} containers are left`] : []),
  ];
}
