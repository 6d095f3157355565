import { randomFrom, type RandomSource } from '../../../statistics/random.js';
import type { TrainingTarget } from '../training/plan.js';

/** GPUs that each lane has for its rounds, one after the other. */
export const gpusOfLane = 2;

/**
 * When it strikes: once the one that has GPUs is asked for them, is told so by its supervision, has ended its attempt; once the urgent one
 * has them.
 */
export const moments = ['wish', 'stop', 'release', 'lease'] as const;
export type Moment = (typeof moments)[number];

/** No machine is lost here: who gives way must lose nothing. */
export type PreemptionTarget = Exclude<TrainingTarget, 'machine'>;
export const preemptionTargets: readonly PreemptionTarget[] = ['worker', 'trainer', 'wrapper'];
export const containerTargets: readonly PreemptionTarget[] = [...preemptionTargets, 'engine'];

export interface PreemptionFault {
  target: PreemptionTarget;
  moment: Moment;
  /** Milliseconds behind the moment. */
  after: number;
}

/** Trainings that run or wait, urgent ones that come while they do, and what is killed meanwhile. */
export interface PreemptionRound {
  /** GPUs that each asks for. */
  lows: readonly number[];
  /** The same, and milliseconds from the first step of the first low one to its coming. */
  urgents: readonly { gpus: number; arrives: number }[];
  faults: readonly PreemptionFault[];
}

const crowds = [[1, 1], [2], [1, 1, 1]] as const;
/** The last are more than the worker has slots: those that it had must not be shut out when it comes back. */
const comers = [[1], [1, 1], [2], [1, 2], [1, 1, 1, 1]] as const;
/** Milliseconds. */
const latest = { arrival: 4_000, strike: 1_500 };

/** What a round without faults and without anybody in the way asks for: a GPU each. */
export const inPeace: PreemptionRound = {
  lows: [1],
  urgents: [{ gpus: 1, arrives: 0 }],
  faults: [],
};

/** Rounds in which each target comes up at each moment equally often; every third has a second fault. */
export function planPreemptionRounds(
  seed: number,
  count: number,
  targets: readonly PreemptionTarget[] = preemptionTargets,
): PreemptionRound[] {
  const random = randomFrom(`faults/preemption/${seed}`);
  const pairs = moments.flatMap((moment) => targets.map((target) => ({ target, moment })));
  const order = shuffle(pairs, random);
  const after = () => Math.floor(random() * latest.strike);
  return Array.from({ length: count }, (_, index) => {
    const pair = order[index % order.length] ?? pick(pairs, random);
    const faults = [{ ...pair, after: after() }];
    if (index % 3 === 2) faults.push({ ...pick(pairs, random), after: after() });
    const arrives = () => Math.floor(random() * latest.arrival);
    const urgents = pick(comers, random).map((gpus) => ({ gpus, arrives: arrives() }));
    return { lows: pick(crowds, random), urgents, faults };
  });
}

function pick<T>(from: readonly T[], random: RandomSource): T {
  const found = from[Math.floor(random() * from.length)];
  if (found === undefined) throw new Error('There is nothing to choose from.');
  return found;
}

function shuffle<T>(all: readonly T[], random: RandomSource): T[] {
  const keyed = all.map((each) => ({ each, key: random() }));
  return keyed.toSorted((one, other) => one.key - other.key).map(({ each }) => each);
}
