/** The activities as workflows call them: one proxy for each kind of work, see timeouts. */
import { proxyActivities } from '@temporalio/workflow';
import type {
  ComputeActivities,
  JudgeActivities,
  PipelineActivities,
  TrainingActivities,
} from '../activities/index.js';
import {
  compensation,
  dataWork,
  driftCheck,
  judging,
  shortWork,
  supervision,
  sweeping,
} from './timeouts.js';

export const pipeline = proxyActivities<PipelineActivities>(shortWork);
export const undoing = proxyActivities<PipelineActivities>(compensation);
export const compute = proxyActivities<ComputeActivities>(dataWork);
export const watching = proxyActivities<Pick<ComputeActivities, 'assessDrift'>>(driftCheck);
export const judge = proxyActivities<JudgeActivities>(judging);
export const broom = proxyActivities<Pick<PipelineActivities, 'sweep'>>(sweeping);

export function training(timeout: number) {
  return proxyActivities<TrainingActivities>(supervision(timeout));
}
