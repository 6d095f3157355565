import type { Arena } from './arena.js';
import { countTrainings } from './money-reckoning.js';
import type { Say } from './play.js';
import type { SteppingPlan } from './stepping.js';
import type { TrainingRound } from './training-plan.js';
import { playRound, type PlayedRound } from './training-round.js';

export interface TrainingPlay {
  played: PlayedRound[];
  /** Digest of the model that the undisturbed training ended with. */
  expected: string | null;
}

/** Plays rounds, some side by side, after one in peace that says what all of them have to end with. */
export async function playTrainings(
  arena: Arena,
  {
    rounds,
    lanes,
    plan,
    say,
  }: { rounds: readonly TrainingRound[]; lanes: number; plan: SteppingPlan; say: Say },
): Promise<TrainingPlay> {
  await countTrainings(arena);
  const peaceful = await playRound(arena, { model: 'stepping-in-peace', plan, faults: [] });
  say(lineOf(peaceful));
  const played = [peaceful];
  const waiting = rounds.map((faults, index) => ({ model: `stepping-${index + 1}`, faults }));
  const workThrough = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const round = await playRound(arena, { ...next, plan });
      if (round.digest !== peaceful.digest) round.problems.push('ended with another model');
      played.push(round);
      say(lineOf(round));
    }
  };
  await Promise.all(Array.from({ length: lanes }, workThrough));
  return { played, expected: peaceful.digest };
}

export function nameOfRound(faults: TrainingRound): string {
  const hurt = faults.map(({ target, moment }) => `${target} at ${Math.round(moment * 100)} %`);
  return hurt.join(', then ') || 'in peace';
}

function lineOf({ model, faults, attempts, seconds, problems }: PlayedRound): string {
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const verdict = problems.join('; ') || 'ok';
  return `${model.padEnd(18)} ${nameOfRound(faults).padEnd(40)} ${tries}, ${seconds.toFixed(1).padStart(5)} s  ${verdict}`;
}
