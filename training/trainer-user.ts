import { lchown, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The ordinary user of our images, whom a worker that runs as root lets the trainer be. */
const ordinary = 10_001;

interface User {
  uid: number;
  gid: number;
  /** `uid:gid`, as the engine takes it. */
  name: string;
}

/** Whom a trainer runs as: the worker's own account, which owns what it lays out; never root. */
export function trainerUser(): User {
  const own = process.getuid?.() ?? ordinary;
  const [uid, gid] = own === 0 ? [ordinary, ordinary] : [own, process.getgid?.() ?? ordinary];
  return { uid, gid, name: `${uid}:${gid}` };
}

/** Lets the user write the whole folder. A second run finds it so, also while the trainer is at work in it. */
export async function handOver(folder: string, user: User): Promise<void> {
  if (process.getuid?.() !== 0) return;
  await lchown(folder, user.uid, user.gid).catch(unlessGone);
  const entries = await readdir(folder, { withFileTypes: true }).catch(unlessGone);
  for (const entry of entries ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await handOver(path, user);
    else await lchown(path, user.uid, user.gid).catch(unlessGone);
  }
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
