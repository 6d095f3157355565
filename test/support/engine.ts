/**
 * Global set-up of the layer that needs containers: one Docker engine of the run's own, and in it an image with Python and nothing else.
 * It ends with the run, also when that is killed; a process or a mount left behind fails the run.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { engineAddress, startEngine, stopEngine } from '../../scripts/engine/own-engine.js';
import { importTrainerImage } from '../../scripts/engine/trainer-image.js';
import { connectEngine } from '../../training/docker/engine.js';
import { trainerPython } from './trainer.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the run's own engine. */
    engineFolder: string;
    /** Id of an image that runs trainers of the standard library. */
    bareImage: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const guard = guardAgainstKill(folder);
  const stop = async () => {
    await stopEngine(folder);
    guard.kill('SIGKILL');
    if ((await readFile('/proc/mounts', 'utf8')).includes(folder)) {
      process.exitCode = 1;
      console.error(`Tests left something mounted below ${folder}`);
    }
  };
  try {
    await startEngine(folder);
    const engine = connectEngine(engineAddress(folder));
    const image = await importTrainerImage(engine, { python: await trainerPython(), bare: true });
    project.provide('engineFolder', folder);
    project.provide('bareImage', image);
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A process that outlives us when we are killed, and then clears up. */
function guardAgainstKill(folder: string) {
  const guard = fileURLToPath(new URL('engine-guard.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['runtime/launch.mjs', guard, String(process.pid), folder],
    {
      detached: true,
      stdio: 'ignore',
    },
  );
  child.unref();
  return child;
}
