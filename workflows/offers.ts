/** The activities as workflows call them: one proxy for each kind of work, see timeouts. */
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type {
  ComputeActivities,
  JudgeActivities,
  MonitorActivities,
  PipelineActivities,
  TrainingActivities,
} from '../activities/index.js';
import type { DeliveryPlan } from '../contracts/stages.js';
import {
  compensation,
  dataWork,
  driftCheck,
  inTurn,
  judging,
  noting,
  onGpus,
  promptWork,
  shortWork,
  supervision,
  sweeping,
} from './timeouts.js';

export const pipeline = proxyActivities<PipelineActivities>(shortWork);
export const promptly = proxyLocalActivities<PipelineActivities>(promptWork);
export const undoing = proxyActivities<PipelineActivities>(compensation);
export const compute = proxyActivities<ComputeActivities>(dataWork);
export const watching = proxyActivities<Pick<ComputeActivities, 'assessDrift'>>(driftCheck);
export const watched = proxyActivities<MonitorActivities>(noting);
export const judge = proxyActivities<JudgeActivities>(judging);
export const broom = proxyActivities<Pick<PipelineActivities, 'sweep'>>(sweeping);

export function training({ timeout, gpuClass, turn }: DeliveryPlan['training']) {
  const ordinary = supervision(timeout);
  const options = gpuClass === undefined ? ordinary : onGpus(ordinary, { timeout, gpuClass });
  return proxyActivities<TrainingActivities>(turn ? inTurn(options, turn) : options);
}
