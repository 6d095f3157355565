import { trainingJob } from '../contracts/training.js';
import { digestOf } from '../runtime/digest.js';

/** Name of an attempt's job, legal on every backend: `perennial-<12 hex of installation, model, delivery, trial>-<attempt>`. */
export function trainingKey({
  installation,
  model,
  delivery,
  trial,
  attempt,
}: {
  installation: string;
  model: string;
  delivery: number;
  /** Of the delivery's search, where it searches. */
  trial?: number | undefined;
  attempt: number;
}): string {
  const named = [installation, model, delivery, ...(trial === undefined ? [] : [trial])];
  return `perennial-${digestOf(named).slice(0, 12)}-${attempt}`;
}

/** Whether a folder, container or job found by this name may be a training's. */
export function isTrainingKey(name: string): boolean {
  return trainingJob.shape.key.safeParse(name).success;
}

/** Key of the attempt before, whose checkpoints the next one starts from; null for the first. */
export function keyOfPreviousAttempt(key: string): string | null {
  const [, stem, attempt] = /^(perennial-[0-9a-f]{12})-(\d+)$/.exec(key) ?? [];
  return Number(attempt) > 1 ? `${stem}-${Number(attempt) - 1}` : null;
}
