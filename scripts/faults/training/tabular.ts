import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ArtifactRef } from '../../../contracts/names.js';
import { createFolderArtifacts } from '../../../runtime/artifacts/folder.js';
import { outputFiles } from '../../../training/job-folder.js';
import { readProgress } from '../../../training/progress.js';
import { findTrainer } from '../../../training/trainer.js';
import type { Arena } from '../arena.js';
import { folderOfJob, maximumAttempts, startTraining, type StartedTraining } from './training.js';

export const tabularFeatures = [
  { name: 'hour', type: 'number' },
  { name: 'distance', type: 'number' },
  { name: 'origin', type: 'category' },
] as const;

/** A training of the trainer that users have, on the workers of an arena. */
export interface Tabular extends StartedTraining {
  model: string;
  trees: number;
  /** The newest attempt whose trainer has told anything, and its last tree. */
  look: () => Promise<{ attempt: number; tree: number }>;
  /** Returns when this many trees have grown, whoever grew them; false when the training ended before. */
  reach: (tree: number) => Promise<boolean>;
}

export interface TabularPlan {
  trees: number;
  rows: number;
  /** Seconds between two checkpoints. */
  every: number;
}

/** Starts one of a model of its own. */
export async function startTabular(
  arena: Arena,
  model: string,
  { trees, rows, every }: TabularPlan,
): Promise<Tabular> {
  const started = await startTraining(arena, model, {
    features: [...tabularFeatures],
    trainer: await findTrainer('tabular', arena.home),
    // A part of the features by lot: what was drawn before a kill must not matter.
    parameters: { trees, feature_fraction: 0.7, checkpoint_seconds: every },
    channels: { train: await keepRows(arena, rows), holdout: await keepRows(arena, 500) },
  });
  const look = async () => {
    for (let attempt = maximumAttempts; attempt > 0; attempt -= 1) {
      const { folder } = folderOfJob(arena, model, attempt);
      const { lines } = await readProgress(join(folder, 'ml', outputFiles.progress), 0);
      const tree = lines.at(-1)?.step;
      if (tree !== undefined) return { attempt, tree };
    }
    return { attempt: 1, tree: 0 };
  };
  let ended = false;
  const result = started.result().finally(() => {
    ended = true;
  });
  // Whoever asks for it hears what went wrong.
  result.catch(() => {});
  return {
    ...started,
    result: () => result,
    model,
    trees,
    look,
    reach: async (tree) => {
      for (; !ended; await sleep(20)) if ((await look()).tree >= tree) return true;
      return false;
    },
  };
}

/** Delays that grow with the hour, more so at some airports; a few values are missing. */
async function keepRows({ home }: Arena, count: number): Promise<ArtifactRef> {
  const file = join(home, `rows-${randomUUID()}.parquet`);
  const database = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await database.connect();
  try {
    await connection.run(`COPY (
      SELECT i::VARCHAR AS entity, TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS event_time,
        (hash(i * 3) % 24)::FLOAT AS hour,
        CASE WHEN i % 40 = 0 THEN NULL ELSE (100 + hash(i * 5) % 2000)::FLOAT END AS distance,
        CASE WHEN i % 50 = 1 THEN NULL ELSE 'A' || (sqrt(hash(i * 7) % 900))::INTEGER END AS origin,
        ((hash(i * 3) % 24 + hash(i * 11) % 24) + hash(i * 7) % 9 > 30)::UTINYINT AS label
      FROM range(${count}) AS t(i)) TO '${file}' (FORMAT parquet)`);
    return await createFolderArtifacts(join(home, 'artifacts')).keepFile(file, 'channel');
  } finally {
    connection.closeSync();
    database.closeSync();
    await rm(file, { force: true });
  }
}
