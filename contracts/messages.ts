/**
 * The names under which Perennial's workflows are known to the world: types, ids, queues, messages, search attributes.
 * Public API: a team's own Temporal client uses them. Free of zod; shared by workflows, client and api.
 */
export const namespace = 'perennial';

export const workflowTypes = {
  deliverModel: 'deliverModel',
  trainModel: 'trainModel',
  searchModel: 'searchModel',
  releaseModel: 'releaseModel',
  monitorModel: 'monitorModel',
  janitor: 'janitor',
} as const;

/** Ids are business keys: the id is what makes a second one of the same kind impossible. */
export const workflowId = {
  deliver: (model: string) => `deliver/${model}`,
  train: (model: string, delivery: number) => `train/${model}/${delivery}`,
  trial: (model: string, delivery: number, trial: number) =>
    `train/${model}/${delivery}/trial-${trial}`,
  release: (model: string) => `release/${model}`,
  monitor: (model: string) => `monitor/${model}`,
  janitor: () => 'janitor',
} as const;

/** Queues follow the workers: see workers/. */
export const taskQueues = {
  pipeline: 'perennial-pipeline',
  compute: 'perennial-compute',
  training: 'perennial-training',
  judge: 'perennial-judge',
} as const;

/** Where a training waits for a worker: those that ask for GPUs at the queue of their class, which only owners of such GPUs serve. */
export function trainingQueue(gpuClass?: string): string {
  return gpuClass === undefined ? taskQueues.training : `${taskQueues.training}-${gpuClass}`;
}

/** Every human decision is an update and a signal of the same name. */
export const messages = {
  deliver: ['decide'],
  train: ['budgetExtended'],
  release: ['promote', 'pause', 'resume', 'abort', 'extend', 'decide'],
  monitor: ['breach', 'configure', 'pause', 'resume', 'retire', 'deliveryEnded'],
} as const;

export const queries = { state: 'state', plan: 'plan' } as const;

/** Typed search attributes; the worker makes sure that they exist. */
export const searchAttributes = {
  MlModel: 'Keyword',
  MlTeam: 'Keyword',
  MlStage: 'Keyword',
  MlOutcome: 'Keyword',
  MlTrigger: 'Keyword',
  MlVersion: 'Keyword',
  MlAwaitingRole: 'Keyword',
  MlAwaitingApproval: 'Bool',
  MlDriftScore: 'Double',
} as const;

/** Everything that waits for a person. */
export const inboxQuery = "MlAwaitingApproval = true AND ExecutionStatus = 'Running'";
