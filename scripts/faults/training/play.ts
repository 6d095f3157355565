import type { Arena } from '../arena.js';
import { countTrainings } from './money-reckoning.js';
import type { Say } from '../delivery/play.js';
import { findStrays } from '../strays.js';
import { compareAnswers } from './tabular-reckoning.js';
import type { TrainingFault, TrainingRound } from './plan.js';
import { playRound, type PlayedRound } from './round.js';
import type { Strike } from './strike.js';
import type { SubjectPlans } from './subject.js';

/** Predictions may differ by rounding, by no more. */
const tolerance = 1e-6;

export interface TrainingPlay {
  played: PlayedRound[];
  /** What was left when all had ended, a sentence each. */
  strays: string[];
}

/** Plays rounds, some side by side, after one in peace of each trainer that says what all of them have to end with. */
export async function playTrainings(
  arena: Arena,
  {
    rounds,
    lanes,
    plans,
    say,
  }: { rounds: readonly TrainingRound[]; lanes: number; plans: SubjectPlans; say: Say },
): Promise<TrainingPlay> {
  await countTrainings(arena);
  const strikes: Strike[] = [];
  const play = async (name: string, round: TrainingRound) =>
    playRound(arena, { name, round, plans, strikes });
  const trainers = [...new Set(rounds.map(({ trainer }) => trainer))];
  const inPeace = await Promise.all(
    trainers.map((trainer) => play(`${trainer}-in-peace`, { trainer, faults: [] })),
  );
  for (const round of inPeace) say(lineOf(round));
  const played = [...inPeace];
  const waiting = rounds.map((round, at) => ({ name: `${round.trainer}-${at + 1}`, round }));
  const workThrough = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const round = await play(next.name, next.round);
      const peaceful = inPeace.find(({ trainer }) => trainer === round.trainer);
      round.problems.push(...(await compareModels(arena, peaceful, round)));
      played.push(round);
      say(lineOf(round));
    }
  };
  await Promise.all(Array.from({ length: lanes }, workThrough));
  return { played, strays: await findStrays(arena) };
}

/** The stepping trainer has to end with the same bytes, the tabular one with the same answers. */
async function compareModels(
  arena: Arena,
  peaceful: PlayedRound | undefined,
  { trainer, model }: PlayedRound,
): Promise<string[]> {
  if (!model || !peaceful?.model) return [];
  if (model.sha256 === peaceful.model.sha256) return [];
  if (trainer === 'stepping') return ['ended with another model'];
  const difference = await compareAnswers(arena, peaceful.model, model);
  return difference <= tolerance ? [] : [`its answers differ by ${difference}`];
}

export function nameOfFaults(faults: readonly TrainingFault[]): string {
  const hurt = faults.map(({ target, moment }) => `${target} at ${Math.round(moment * 100)} %`);
  return hurt.join(', then ') || 'in peace';
}

function lineOf({ name, faults, attempts, seconds, problems }: PlayedRound): string {
  const tries = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  const verdict = problems.join('; ') || 'ok';
  return `${name.padEnd(18)} ${nameOfFaults(faults).padEnd(40)} ${tries}, ${seconds.toFixed(1).padStart(5)} s  ${verdict}`;
}
