import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import { taskQueues, workflowId, workflowTypes } from '../../contracts/messages.js';
import { modelSpec } from '../../contracts/spec.js';
import type { TrainModelInput, TrainModelResult } from '../../contracts/stages.js';
import { registerSpec } from '../../db/spec.js';
import { createFolderArtifacts } from '../../runtime/artifacts-folder.js';
import { trainingKey } from '../../training/key.js';
import type { Arena } from './arena.js';
import { openLedger, rememberLedger, type Ledger } from './ledger.js';
import { patiently } from './patience.js';

const maximumAttempts = 10;
/** Where a job's folder appears in a container. */
const inside = '/opt/ml';
const ledgerFile = 'output/ledger';

export const steppingTrainer = fileURLToPath(new URL('stepping-trainer', import.meta.url));

/** A training of countable steps on the workers of an arena. */
export interface Stepping {
  model: string;
  steps: number;
  every: number;
  handle: WorkflowHandle;
  ledger: Ledger['read'];
  /** Returns when this many steps ran, whoever ran them; false when the training ended before. */
  reach: (step: number) => Promise<boolean>;
  result: () => Promise<TrainModelResult>;
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

/** Starts a training workflow of a model of its own, without the stages before and after. */
export async function startStepping(
  arena: Arena,
  model: string,
  { steps, every, pause }: SteppingPlan,
): Promise<Stepping> {
  const { ledger, path } = ledgerOf(arena, model);
  const spec = modelSpec.parse({
    apiVersion: 'perennial/v1',
    model,
    team: 'chaos',
    owner: 'olive',
    data: {
      source: { format: 'csv', path: 'rows.csv', timeColumn: 'at' },
      entity: 'id',
      features: [{ name: 'x', type: 'number' }],
      label: { expression: 'y = 1' },
      contract: 'contract.yaml',
    },
    training: {
      trainer: steppingTrainer,
      parameters: { steps, every, pause, ledger: path },
      timeout: '10m',
      maximumAttempts,
    },
  });
  const { db } = arena.database;
  const { digest } = await registerSpec(db, {
    content: { spec, contract: {}, base: arena.home },
    by: 'olive',
  });
  await db.execute(
    sql`INSERT INTO delivery (model, number, workflow_id, first_run_id, trigger, requested_by, spec_digest, stage)
        VALUES (${model}, 1, ${workflowId.deliver(model)}, ${`${model}/1`}, 'manual', 'olive', ${digest}, 'train')`,
  );
  const rows = await createFolderArtifacts(join(arena.home, 'artifacts')).keepBytes('', 'channel');
  const input: TrainModelInput = {
    model,
    delivery: 1,
    specDigest: digest,
    channels: { train: rows, holdout: rows },
    plan: { timeout: 600_000, maximumAttempts, heartbeat: 30_000 },
  };
  const handle = await arena.temporal.client.workflow.start(workflowTypes.trainModel, {
    workflowId: workflowId.train(model, 1),
    taskQueue: taskQueues.pipeline,
    args: [input],
  });
  return {
    model,
    steps,
    every,
    handle,
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
    result: () => patiently(async () => (await handle.result()) as TrainModelResult),
  };
}

/** Folder of an attempt's job in an arena. */
export function folderOfJob({ home }: Arena, model: string, attempt: number) {
  const key = trainingKey({ installation: 'local', model, delivery: 1, attempt });
  return { key, folder: join(home, 'jobs', key) };
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
