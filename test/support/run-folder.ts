/** Global set-up of every layer: one folder for all that the tests of a run put down, removed with its end. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Environment variable that tells the test processes. */
export const runFolder = 'TEST_FOLDER';

/** Each project loads its own copy of this module: what they share has its place on the global object. */
const shared = globalThis as typeof globalThis & {
  perennialRun?: { folder: Promise<string>; users: number } | undefined;
};

export async function setup(): Promise<() => Promise<void>> {
  const run = (shared.perennialRun ??= { folder: makeFolder(), users: 0 });
  run.users += 1;
  const folder = await run.folder;
  process.env[runFolder] = folder;
  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    shared.perennialRun = undefined;
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-run-'));
  // PostgreSQL may run under another account, which has to pass through.
  await chmod(folder, 0o755);
  return folder;
}
