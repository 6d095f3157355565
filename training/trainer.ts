import { access, constants } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PerennialError } from '../contracts/errors.js';

const ourTrainers = fileURLToPath(new URL('../trainers', import.meta.url));

/**
 * Absolute folder of the trainer that a spec names: one of ours by its bare name, else a folder relative to the spec's own.
 * Throws TRAINER_NOT_FOUND when no trainer is there.
 */
export async function findTrainer(name: string, base: string): Promise<string> {
  const candidates = /^[a-z0-9-]+$/.test(name)
    ? [join(ourTrainers, name), resolve(base, name)]
    : [resolve(base, name)];
  for (const folder of candidates) {
    if (await entryPoint(folder)) return folder;
  }
  throw new PerennialError(
    'TRAINER_NOT_FOUND',
    `There is no trainer '${name}': neither a train.py nor an executable named train in ${candidates.join(' or ')}.`,
  );
}

/** How a trainer's folder is started: `train.py` by Python, or an executable `train`. */
export async function trainerCommand(folder: string, python: string): Promise<string[]> {
  const entry = await entryPoint(folder);
  if (!entry)
    throw new PerennialError('TRAINER_NOT_FOUND', `There is no trainer in ${folder} any more.`);
  return entry.endsWith('.py') ? [python, entry] : [entry];
}

async function entryPoint(folder: string): Promise<string | null> {
  const script = join(folder, 'train.py');
  if (await accessible(script, constants.R_OK)) return script;
  const executable = join(folder, 'train');
  return (await accessible(executable, constants.X_OK)) ? executable : null;
}

async function accessible(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
