import { readFile } from 'node:fs/promises';
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
import type { Arena } from './arena.js';
import { patiently } from './patience.js';

export const steppingTrainer = fileURLToPath(new URL('stepping-trainer', import.meta.url));

/** What the trainer wrote down as it ran; `saved` and `step` count from one. */
export interface Line {
  word: 'began' | 'step' | 'saved' | 'ended';
  attempt: number;
  step: number;
  /** Of `began`: the trainer's process. */
  pid?: number;
}

/** A training of countable steps on the workers of an arena. */
export interface Stepping {
  model: string;
  steps: number;
  every: number;
  handle: WorkflowHandle;
  ledger: () => Promise<Line[]>;
  /** Returns when this many steps ran, whoever ran them; false when the training ended before. */
  reach: (step: number) => Promise<boolean>;
  result: () => Promise<TrainModelResult>;
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
  const file = join(arena.home, `${model}.ledger`);
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
      parameters: { steps, every, pause, ledger: file },
      timeout: '10m',
      maximumAttempts: 10,
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
    plan: { timeout: 600_000, maximumAttempts: 10, heartbeat: 30_000 },
  };
  const handle = await arena.temporal.client.workflow.start(workflowTypes.trainModel, {
    workflowId: workflowId.train(model, 1),
    taskQueue: taskQueues.pipeline,
    args: [input],
  });
  const ledger = () => readLedger(file);
  return {
    model,
    steps,
    every,
    handle,
    ledger,
    reach: async (step) => {
      for (;;) {
        const lines = await ledger();
        if (lines.some(({ word }) => word === 'ended')) return false;
        if (lines.some((line) => line.word === 'step' && line.step >= step)) return true;
        await sleep(20);
      }
    },
    result: () => patiently(async () => (await handle.result()) as TrainModelResult),
  };
}

async function readLedger(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  // What follows the last end of a line is not written yet.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const [word = '', attempt, step, pid] = line.split(' ');
      return {
        word: word as Line['word'],
        attempt: Number(attempt),
        step: Number(step),
        ...(pid !== undefined && { pid: Number(pid) }),
      };
    });
}
