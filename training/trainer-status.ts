import type { TrainerReport } from '../contracts/trainer-status.js';
import { progressLine, type ProgressLine } from '../contracts/training.js';

/** Names under which Hugging Face's callback tells where it is among the metrics. */
const stepName = 'current_step';
const totalName = 'total_steps';

/**
 * A report of the Kubeflow progress protocol as a line of progress. It has a percentage where we have steps: those that it tells among
 * its metrics count, else the percentage is taken of what is known of the whole. A value that is no finite number is left out.
 */
export function readTrainerReport(
  { trainerStatus }: TrainerReport,
  before: { step: number; total: number | null } | null,
): { line: ProgressLine; remainingSeconds: number | null } {
  const told = new Map(
    trainerStatus.metrics.map(({ name, value }) => [
      name,
      typeof value === 'string' ? parse(value) : value,
    ]),
  );
  const known = before?.total ?? null;
  const total = whole(told.get(totalName)) || known || 100;
  const share = trainerStatus.progressPercentage;
  const reached = share === undefined ? (before?.step ?? 0) : Math.round((share / 100) * total);
  const step = whole(told.get(stepName)) ?? reached;
  const metrics = [...told].filter(
    ([name, value]) =>
      name !== stepName &&
      name !== totalName &&
      Number.isFinite(value) &&
      progressLine.shape.metrics.safeParse({ [name]: value }).success,
  );
  const remaining = trainerStatus.estimatedRemainingSeconds;
  return {
    line: { step, total, metrics: Object.fromEntries(metrics) },
    remainingSeconds: remaining === undefined ? null : Math.round(remaining),
  };
}

/** Not `Number`, to which an empty text is 0. */
function parse(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text);
}

function whole(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) && value >= 0 && value < 2 ** 31
    ? Math.round(value)
    : undefined;
}
