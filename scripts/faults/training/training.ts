import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import type { AskedGpus } from '../../../contracts/placement.js';
import { taskQueues, workflowId, workflowTypes } from '../../../contracts/messages.js';
import { modelSpec, type ModelSpecInput } from '../../../contracts/spec.js';
import type { TrainModelInput, TrainModelResult } from '../../../contracts/stages.js';
import { registerSpec } from '../../../db/model/spec.js';
import { trainingKey } from '../../../training/key.js';
import type { Arena } from '../arena.js';
import { patiently } from '../patience.js';

export const maximumAttempts = 10;
const team = 'chaos';

export interface StartedTraining {
  handle: WorkflowHandle;
  result: () => Promise<TrainModelResult>;
}

/** What is trained: the parts of a spec that matter here, and the rows. */
export interface TrainingAsked extends Pick<TrainModelInput, 'channels'> {
  features: ModelSpecInput['data']['features'];
  trainer: string;
  parameters: Record<string, string | number>;
  /** Where it asks for some: how urgent it is, too. */
  gpus?: AskedGpus | undefined;
  /** Attempts that count; ten where nobody says. */
  maximumAttempts?: number | undefined;
}

/** Starts a training workflow of a model of its own, without the stages before and after. */
export async function startTraining(
  arena: Arena,
  model: string,
  { features, trainer, parameters, channels, gpus, ...asked }: TrainingAsked,
): Promise<StartedTraining> {
  const counted = asked.maximumAttempts ?? maximumAttempts;
  const spec = modelSpec.parse({
    apiVersion: 'perennial/v1',
    model,
    team,
    owner: 'olive',
    data: {
      source: { format: 'csv', path: 'rows.csv', timeColumn: 'at' },
      entity: 'id',
      features,
      label: { expression: 'y = 1' },
      contract: 'contract.yaml',
    },
    training: {
      trainer,
      parameters,
      timeout: '10m',
      maximumAttempts: counted,
      ...(gpus && {
        resources: { gpus: { class: gpus.class, count: gpus.count } },
        priority: gpus.priority,
      }),
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
  const input: TrainModelInput = {
    model,
    delivery: 1,
    specDigest: digest,
    channels,
    plan: {
      timeout: 600_000,
      maximumAttempts: counted,
      heartbeat: 30_000,
      ...(gpus && { gpuClass: gpus.class, turn: { priority: gpus.priority, team } }),
    },
  };
  const handle = await arena.temporal.client.workflow.start(workflowTypes.trainModel, {
    workflowId: workflowId.train(model, 1),
    taskQueue: taskQueues.pipeline,
    args: [input],
  });
  return {
    handle,
    result: () => patiently(async () => (await handle.result()) as TrainModelResult),
  };
}

/** Folder of an attempt's job in an arena. */
export function folderOfJob({ home }: Arena, model: string, attempt: number) {
  const key = trainingKey({ installation: 'local', model, delivery: 1, attempt });
  return { key, folder: join(home, 'jobs', key) };
}
