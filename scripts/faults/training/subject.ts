import type { TrainModelResult } from '../../../contracts/stages.js';
import type { Arena } from '../arena.js';
import type { Line } from './ledger.js';
import { startStepping, type Stepping, type SteppingPlan } from './stepping.js';
import { reckonStepping } from './stepping-reckoning.js';
import { startTabular, type TabularPlan } from './tabular.js';
import { reckonTabular } from './tabular-reckoning.js';
import type { HurtTrainer } from './plan.js';

/** A training that is hurt while it runs, and judged when it has ended. */
export interface Subject {
  name: string;
  /** Returns when this share of it is done, whoever did it; false when it ended before. */
  reach: (share: number) => Promise<boolean>;
  /** The newest attempt whose trainer has begun. */
  attempt: () => Promise<number>;
  result: () => Promise<TrainModelResult>;
  /** What is wrong, a sentence each; no checkpoint may be lost where no machine was (`lossless`). */
  reckon: (given: { lossless: boolean }) => Promise<string[]>;
  /** What the trainer itself wrote down of its attempts; nothing where it does not. */
  lives: () => Promise<Life[]>;
  close: () => Promise<void>;
}

/** One trainer of an attempt, by its own clock; milliseconds since 1970. */
export interface Life {
  attempt: number;
  from: number;
  to: number;
  /** The GPUs that it was given. */
  devices: number[];
}

export interface SubjectPlans {
  stepping: SteppingPlan;
  tabular: TabularPlan;
}

/** Starts one. */
export async function openSubject(
  arena: Arena,
  name: string,
  trainer: HurtTrainer,
  plans: SubjectPlans,
): Promise<Subject> {
  if (trainer === 'tabular') {
    const tabular = await startTabular(arena, name, plans.tabular);
    return {
      name,
      reach: (share) => tabular.reach(Math.ceil(share * tabular.trees)),
      attempt: async () => (await tabular.look()).attempt,
      result: tabular.result,
      reckon: () => reckonTabular(arena, tabular),
      lives: async () => [],
      close: async () => {},
    };
  }
  return subjectOf(arena, await startStepping(arena, name, plans.stepping));
}

/** A training of countable steps, to be hurt. */
export function subjectOf(arena: Arena, stepping: Stepping): Subject {
  return {
    name: stepping.model,
    reach: (share) => stepping.reach(Math.ceil(share * stepping.steps)),
    attempt: async () =>
      (await stepping.ledger()).findLast(({ word }) => word === 'began')?.attempt ?? 1,
    result: stepping.result,
    reckon: (given) => reckonStepping(arena, stepping, given),
    lives: async () => livesOf(await stepping.ledger()),
    close: stepping.close,
  };
}

function livesOf(lines: readonly Line[]): Life[] {
  const lives: Life[] = [];
  for (const { word, attempt, at, devices = [] } of lines) {
    const last = lives.findLast((life) => life.attempt === attempt);
    if (word === 'began' || !last) lives.push({ attempt, from: at, to: at, devices });
    else last.to = at;
  }
  return lives;
}
