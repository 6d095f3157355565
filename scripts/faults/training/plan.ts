import { randomFrom } from '../../../statistics/random.js';

/**
 * What a kill −9 takes away during a training: the worker that supervises it; the trainer; the wrapper that stands before it, in a container
 * its first process; the engine that its container belongs to; or the whole machine, with the job's folder.
 */
export type TrainingTarget = 'worker' | 'trainer' | 'wrapper' | 'engine' | 'machine';

export const processTargets: readonly TrainingTarget[] = [
  'worker',
  'trainer',
  'wrapper',
  'machine',
];
export const containerTargets: readonly TrainingTarget[] = [
  'worker',
  'trainer',
  'wrapper',
  'engine',
  'machine',
];

export interface TrainingFault {
  target: TrainingTarget;
  /** Strikes when this share of the steps has run. */
  moment: number;
}

/** Whose steps are counted one by one, and the one that users have. */
export type HurtTrainer = 'stepping' | 'tabular';

/** One training, and what happens to it: one fault or two. */
export interface TrainingRound {
  trainer: HurtTrainer;
  faults: TrainingFault[];
}

/**
 * Rounds in which each target comes up equally often; every third has a second fault later on. After as many rounds as there are targets
 * one is of the tabular trainer, so that it meets each of them, too.
 */
export function planTrainingRounds(
  seed: number,
  count: number,
  targets: readonly TrainingTarget[] = processTargets,
): TrainingRound[] {
  const random = randomFrom(`faults/training/${seed}`);
  const draw = () => targets[Math.floor(random() * targets.length)] ?? 'worker';
  return Array.from({ length: count }, (_, index) => {
    const target = targets[index % targets.length] ?? 'worker';
    const trainer = index % (targets.length + 1) === targets.length ? 'tabular' : 'stepping';
    const first = { target, moment: random() * 0.8 };
    if (index % 3 !== 2) return { trainer, faults: [first] };
    const second = { target: draw(), moment: first.moment + random() * (0.95 - first.moment) };
    return { trainer, faults: [first, second] };
  });
}
