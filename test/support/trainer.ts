import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The interpreter with the locked requirements of the trainers, which scripts/setup makes. */
export async function trainerPython(): Promise<string> {
  const python =
    process.env.PERENNIAL_TRAINER_PYTHON ??
    fileURLToPath(new URL('../../.tools/trainer/bin/python', import.meta.url));
  await access(python).catch((cause: unknown) => {
    throw new Error(`There is no trainer environment at ${python}: run ./scripts/setup`, { cause });
  });
  return python;
}
