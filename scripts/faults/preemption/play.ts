import type { Arena } from '../arena.js';
import { countTrainings } from '../training/money-reckoning.js';
import type { Say } from '../delivery/play.js';
import { gpusOfLane, inPeace, type PreemptionRound } from './plan.js';
import { playPreemption, type PlayedPreemption, type PreemptionGiven, type Side } from './round.js';
import { findStrays } from '../strays.js';
import type { Strike } from '../training/strike.js';

export interface PreemptionPlay {
  played: PlayedPreemption[];
  /** What was left when all had ended, a sentence each. */
  strays: string[];
}

const classOf = (lane: number) => `lane-${lane + 1}`;

/** What the worker of an arena has to own for so many lanes, as PERENNIAL_GPUS says it. */
export function gpusFor(lanes: number): string {
  return Array.from({ length: lanes }, (_, lane) => `${classOf(lane)}:${gpusOfLane}`).join(',');
}

/** Plays rounds, one behind the other on each lane's own GPUs, the first after one in peace that says what all have to end with. */
export async function playPreemptions(
  arena: Arena,
  {
    rounds,
    lanes,
    plans,
    say,
  }: {
    rounds: readonly PreemptionRound[];
    lanes: number;
    plans: PreemptionGiven['plans'];
    say: Say;
  },
): Promise<PreemptionPlay> {
  const classes = Array.from({ length: lanes }, (_, lane) => classOf(lane));
  await countTrainings(arena, classes);
  const strikes: Strike[] = [];
  const play = (
    name: string,
    round: PreemptionRound,
    where: Pick<PreemptionGiven, 'gpuClass' | 'plans'>,
  ) => playPreemption(arena, { name, round, strikes, ...where });
  // The same steps, at once: nobody disturbs it.
  const hasty = { low: { ...plans.low, pause: 0 }, urgent: { ...plans.urgent, pause: 0 } };
  const peaceful = await play('in-peace', inPeace, { gpuClass: classOf(0), plans: hasty });
  say(lineOf(peaceful));
  const played = [peaceful];
  const waiting = rounds.map((round, at) => ({ name: `round-${at + 1}`, round }));
  const workThrough = async (gpuClass: string): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const round = await play(next.name, next.round, { gpuClass, plans });
      round.problems.push(...compareDigests(peaceful, round));
      played.push(round);
      say(lineOf(round));
    }
  };
  await Promise.all(classes.map(workThrough));
  return { played, strays: await findStrays(arena) };
}

function compareDigests(peaceful: PlayedPreemption, round: PlayedPreemption): string[] {
  const sides: Side[] = ['low', 'urgent'];
  return sides.flatMap((side) =>
    [...round.digests[side]].every((digest) => peaceful.digests[side].has(digest))
      ? []
      : [`one of the ${side} ones ended with another model`],
  );
}

function lineOf({ name, round, struck, yields, seconds, problems }: PlayedPreemption): string {
  const crowd = `${round.lows.join('+')} < ${round.urgents.map(({ gpus }) => gpus).join('+')}`;
  const hurt = struck.map(({ target, moment }) => `${target} at ${moment}`).join(', ') || 'nothing';
  const told = `${name.padEnd(10)} ${crowd.padEnd(17)} ${hurt.padEnd(36)} gave way ${yields}`;
  return `${told}, ${seconds.toFixed(1).padStart(5)} s  ${problems.join('; ') || 'ok'}`;
}
