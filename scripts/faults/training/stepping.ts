import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createFolderArtifacts } from '../../../runtime/artifacts/folder.js';
import type { Arena } from '../arena.js';
import { openLedger, rememberLedger, type Ledger } from './ledger.js';
import {
  folderOfJob,
  maximumAttempts,
  startTraining,
  type StartedTraining,
  type TrainingAsked,
} from './training.js';

/** Where a job's folder appears in a container. */
const inside = '/opt/ml';
const ledgerFile = 'output/ledger';

export const steppingTrainer = fileURLToPath(new URL('stepping-trainer', import.meta.url));

/** A training of countable steps on the workers of an arena. */
export interface Stepping extends StartedTraining {
  model: string;
  steps: number;
  every: number;
  ledger: Ledger['read'];
  /** Returns when this many steps ran, whoever ran them; false when the training ended before. */
  reach: (step: number) => Promise<boolean>;
  /** Ends the reading of the ledger, not the training. */
  close: () => Promise<void>;
}

export interface SteppingPlan {
  steps: number;
  /** Steps between two checkpoints. */
  every: number;
  /** Seconds that a step takes. */
  pause: number;
}

/** What else it may be asked with. */
export type SteppingTerms = Pick<TrainingAsked, 'gpus' | 'maximumAttempts'>;

/** Starts one of a model of its own. */
export async function startStepping(
  arena: Arena,
  model: string,
  { steps, every, pause }: SteppingPlan,
  terms: SteppingTerms = {},
): Promise<Stepping> {
  const { ledger, path } = ledgerOf(arena, model);
  const rows = await createFolderArtifacts(join(arena.home, 'artifacts')).keepBytes('', 'channel');
  const started = await startTraining(arena, model, {
    features: [{ name: 'x', type: 'number' }],
    trainer: steppingTrainer,
    parameters: { steps, every, pause, ledger: path },
    channels: { train: rows, holdout: rows },
    ...terms,
  });
  return {
    ...started,
    model,
    steps,
    every,
    ledger: ledger.read,
    close: ledger.close,
    reach: async (step) => {
      for (;;) {
        const lines = await ledger.read();
        if (lines.some(({ word }) => word === 'ended')) return false;
        if (lines.some((line) => line.word === 'step' && line.step >= step)) return true;
        await sleep(20);
      }
    },
  };
}

/** A container reaches no file but its job's own. */
function ledgerOf(arena: Arena, model: string): { ledger: Ledger; path: string } {
  if (!arena.engine) {
    const path = join(arena.home, `${model}.ledger`);
    return { path, ledger: openLedger(path) };
  }
  const attempts = Array.from({ length: maximumAttempts }, (_, at) => at + 1);
  const files = attempts.map((attempt) =>
    join(folderOfJob(arena, model, attempt).folder, 'ml', ledgerFile),
  );
  return { path: `${inside}/${ledgerFile}`, ledger: rememberLedger(files) };
}
