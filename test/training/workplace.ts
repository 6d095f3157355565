import { join } from 'node:path';
import { createTrainingAttempts } from '../../activities/training/attempt.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase } from '../support/postgres.js';
import { givenTraining, installation } from './given.js';
import { trainingLogs } from './recorded.js';

/** Where a test supervises trainings: a database, a store, and processes of this machine. */
export async function openWorkplace() {
  const fresh = await freshDatabase();
  const artifacts = await temporaryArtifacts();
  const folder = await temporaryFolder();
  const { db } = fresh;
  const jobs = join(folder, 'jobs');
  const backend = createProcessBackend({ jobs, python: 'python3', installation, artifacts });
  const attempts = createTrainingAttempts({ db, backendName: backend.name, installation });

  /** A delivery of a model of its own, with its first attempt open. */
  async function open(
    script: string,
    training: Parameters<typeof givenTraining>[2] = {},
  ): Promise<SuperviseTrainingInput> {
    const input = await givenTraining({ db, artifacts }, script, training);
    await attempts.openTrainingAttempt(input);
    return input;
  }
  /** What the trainers of all its attempts said. */
  async function linesOf({ model }: SuperviseTrainingInput): Promise<string[]> {
    return (await trainingLogs(db, model, 1)).map(({ line }) => line);
  }
  async function close(): Promise<void> {
    for (const { key } of await backend.list()) await backend.cancel(key, 0);
    await fresh.close();
  }

  return { fresh, db, artifacts, folder, backend, attempts, open, linesOf, close };
}
export type Workplace = Awaited<ReturnType<typeof openWorkplace>>;
