import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PerennialError } from '../../contracts/errors.js';
import {
  identifyProcess,
  isRunning,
  type ProcessIdentity,
} from '../../runtime/process-identity.js';

const identity = z.object({ pid: z.int(), started: z.string() });

/** A part of the running stack; one without a process is somebody else's server that we only use. */
const notedPart = z.object({
  name: z.string(),
  address: z.string(),
  pid: z.int().optional(),
  started: z.string().optional(),
});
export type NotedPart = z.infer<typeof notedPart>;

/** `<home>/stack.json`: what runs from this home, for `status`, `down`, the CLI, and a successor after a kill. */
const stackNotes = z.object({ supervisor: identity, parts: z.array(notedPart) });
export type StackNotes = z.infer<typeof stackNotes>;

const fileOf = (home: string) => join(home, 'stack.json');

/** What stands in stack.json; undefined where nothing was started, or where a crash left half a file. */
export async function readStackNotes(home: string): Promise<StackNotes | undefined> {
  try {
    return stackNotes.parse(JSON.parse(await readFile(fileOf(home), 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writeStackNotes(home: string, notes: StackNotes): Promise<void> {
  const draft = `${fileOf(home)}.draft`;
  await writeFile(draft, `${JSON.stringify(notes, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, fileOf(home));
}

export async function removeStackNotes(home: string): Promise<void> {
  await rm(fileOf(home), { force: true });
}

/** Makes this process the only one that starts things in a home. Throws STACK_RUNNING while another one lives. */
export async function claimHome(
  home: string,
): Promise<{ supervisor: ProcessIdentity; release: () => Promise<void> }> {
  const path = join(home, 'supervisor.json');
  const supervisor = await identifyProcess(process.pid);
  if (!supervisor)
    throw new PerennialError('INTERNAL', 'This system does not tell when processes started.');
  const claim = () => writeFile(path, JSON.stringify(supervisor), { flag: 'wx', mode: 0o600 });
  try {
    await claim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const other = await readIdentity(path);
    if (other && (await isRunning(other))) {
      throw new PerennialError(
        'STACK_RUNNING',
        `Process ${other.pid} runs the stack of ${home} already.`,
      );
    }
    await rm(path, { force: true });
    await claim();
  }
  return { supervisor, release: () => rm(path, { force: true }) };
}

async function readIdentity(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return identity.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
