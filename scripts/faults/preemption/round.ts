import { setTimeout as sleep } from 'node:timers/promises';
import type { TrainModelResult } from '../../../contracts/stages.js';
import type { Arena } from '../arena.js';
import { countYields, findLeases, judgeDevices } from './gpu-reckoning.js';
import { reckonMoney } from '../training/money-reckoning.js';
import { awaitMoment, type Sides } from './moment.js';
import type { PreemptionFault, PreemptionRound } from './plan.js';
import { startStepping, type SteppingPlan } from '../training/stepping.js';
import { maximumAttempts } from '../training/training.js';
import { strike, type Strike } from '../training/strike.js';
import { subjectOf, type Subject } from '../training/subject.js';

const priorities = { low: 4, urgent: 1 };
export type Side = keyof typeof priorities;

/** Milliseconds in which all of a round have to end, beside twice what the steps of a low one take: two may have to wait for each other. */
const patience = 180_000;

export interface PlayedPreemption {
  name: string;
  round: PreemptionRound;
  /** Times that one gave way. */
  yields: number;
  /** Faults that found their moment. */
  struck: PreemptionFault[];
  seconds: number;
  /** What each side ended with, by digest. */
  digests: Record<Side, Set<string>>;
  problems: string[];
}

interface Entrant extends Subject {
  side: Side;
  /** GPUs that it asks for. */
  count: number;
}

export interface PreemptionGiven {
  name: string;
  round: PreemptionRound;
  /** Nobody else asks for it meanwhile. */
  gpuClass: string;
  plans: Record<Side, SteppingPlan>;
  /** Whatever strikes this round, or another one beside it. */
  strikes: Strike[];
}

/** Plays one round to its end, or until patience is over, and judges it; never throws. */
export async function playPreemption(
  arena: Arena,
  given: PreemptionGiven,
): Promise<PlayedPreemption> {
  const began = performance.now();
  const played: PlayedPreemption = {
    name: given.name,
    round: given.round,
    yields: 0,
    struck: [],
    seconds: 0,
    digests: { low: new Set(), urgent: new Set() },
    problems: [],
  };
  const entrants: Entrant[] = [];
  const over = new AbortController();
  let tooLate: NodeJS.Timeout | undefined;
  const { steps, pause } = given.plans.low;
  const most = patience + 2 * steps * pause * 1_000;
  try {
    await Promise.race([
      playOn(arena, given, { entrants, played, over }),
      new Promise<never>((_, refuse) => {
        tooLate = setTimeout(refuse, most, new Error(`Not over within ${most / 1_000} s`));
      }),
    ]);
  } catch (error) {
    played.problems.push(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(tooLate);
    over.abort();
    for (const entrant of entrants) await entrant.close();
  }
  return { ...played, seconds: (performance.now() - began) / 1_000 };
}

async function playOn(
  arena: Arena,
  { name, round, gpuClass, plans, strikes }: PreemptionGiven,
  {
    entrants,
    played,
    over,
  }: { entrants: Entrant[]; played: PlayedPreemption; over: AbortController },
): Promise<void> {
  const sides: Sides = { lows: [], urgents: [] };
  const deadly = round.faults.filter(({ target }) => target !== 'worker');
  const enter = async (side: Side, number: number, count: number): Promise<Entrant> => {
    const model = `${name}-${side}-${number}`;
    const gpus = { class: gpuClass, count, priority: priorities[side] };
    // So that one which gave way, or lost its worker, ends badly if that counts. An engine that dies may cost any of its containers' attempts.
    const counted = arena.engine ? maximumAttempts : 1 + deadly.length;
    const stepping = await startStepping(arena, model, plans[side], {
      gpus,
      maximumAttempts: counted,
    });
    const entrant = { ...subjectOf(arena, stepping), side, count };
    entrants.push(entrant);
    sides[`${side}s`].push(model);
    return entrant;
  };
  const hurt = async (fault: PreemptionFault): Promise<void> => {
    const concerned = await awaitMoment(arena, fault.moment, { sides, signal: over.signal });
    await sleep(fault.after);
    const subject = entrants.find((each) => each.name === concerned);
    if (!subject || over.signal.aborted) return;
    strikes.push({ target: fault.target, at: Date.now() });
    played.struck.push(fault);
    await strike(arena, subject, fault.target);
  };
  const [first] = await Promise.all(round.lows.map((count, at) => enter('low', at + 1, count)));
  const hurting = Promise.all(round.faults.map(hurt));
  const playing = async () => {
    await Promise.race([first?.reach(0.01), first?.result()]);
    await Promise.all(
      round.urgents.map(async ({ gpus, arrives }, at) => {
        await sleep(arrives);
        await enter('urgent', at + 1, gpus);
      }),
    );
    const results = await Promise.all(entrants.map((entrant) => entrant.result()));
    over.abort();
    return results;
  };
  const [results] = await Promise.all([playing(), hurting]);
  for (const [at, entrant] of entrants.entries())
    played.problems.push(
      ...(await judge(arena, entrant, { result: results[at], played, strikes })),
    );
  played.problems.push(...(await judgeTogether(arena, entrants)));
  played.yields = await countYields(arena, [...sides.lows, ...sides.urgents]);
}

/** What is wrong with one that has ended, a sentence each. */
async function judge(
  arena: Arena,
  entrant: Entrant,
  {
    result,
    played,
    strikes,
  }: { result: TrainModelResult | undefined; played: PlayedPreemption; strikes: Strike[] },
): Promise<string[]> {
  const { name, side, count } = entrant;
  if (result?.kind !== 'succeeded') return [`${name} ended as ${result?.kind}: ${result?.reason}`];
  played.digests[side].add(result.model.sha256);
  const lives = await entrant.lives();
  const granted = lives.map(({ devices }) => devices.length);
  const problems = [
    ...(granted.every((each) => each === count) ? [] : [`was given ${granted.join(', ')} GPUs`]),
    ...(await entrant.reckon({ lossless: true })),
    ...(await reckonMoney(arena, name, { lives, strikes })),
  ];
  return problems.map((problem) => `${name}: ${problem}`);
}

/** What is wrong between those that shared the GPUs. */
async function judgeTogether(arena: Arena, entrants: readonly Entrant[]): Promise<string[]> {
  const lives = await Promise.all(
    entrants.map(async ({ name, lives }) =>
      (await lives()).map((life) => ({ ...life, model: name })),
    ),
  );
  const models = entrants.map(({ name }) => name);
  return [...judgeDevices(lives.flat()), ...(await findLeases(arena, models))];
}
