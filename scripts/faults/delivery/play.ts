import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from '../arena.js';
import { inflict } from '../inflict.js';
import { openLane, type Lane } from './lane.js';
import { reckonAtTheEnd, type LastReckoning } from './last-reckoning.js';
import type { Fault, FaultStage } from './plan.js';
import { reckon } from './reckoning.js';

export interface Played {
  fault: Fault;
  model: string;
  seconds: number;
  /** What went wrong, a sentence each; empty when the delivery ended as if nothing had happened. */
  problems: string[];
}

export interface Play {
  played: Played[];
  last: LastReckoning;
  restarts: Map<string, number>;
}

/** How much of a stage, in ms, the moment of a fault is drawn from. */
const lengths: Record<FaultStage, number> = {
  ingest: 100,
  validate: 100,
  train: 1_500,
  evaluate: 300,
  register: 20,
  approve: 300,
  release: 2_500,
};

export type Say = (sentence: string) => void;

export const nameOf = ({ kind, target, stage }: Fault) => `${kind} ${target} at ${stage}`;

/**
 * Plays the faults on one stack, each during a delivery of its own. Some deliveries go side by side, so that one recovers while
 * the next is hurt, and every fault is also one that strikes others where they happen to be.
 */
export async function playFaults(
  arena: Arena,
  {
    faults,
    lanes: width,
    say,
    onPlayed = () => {},
  }: {
    faults: readonly Fault[];
    lanes: number;
    say: Say;
    onPlayed?: (result: Played) => void;
  },
): Promise<Play> {
  const waiting = possible(arena, faults, say);
  say(`The stack is up; ${width} models are delivered in peace first`);
  const names = Array.from({ length: width }, (_, index) => `lane-${index + 1}`);
  const lanes = await Promise.all(names.map((name) => openLane(arena, name)));
  const all = [...lanes];
  const played: Played[] = [];
  const workThrough = async (first: Lane) => {
    let lane = first;
    for (let fault = waiting.shift(); fault; fault = waiting.shift()) {
      const result = await playOne(arena, lane, fault);
      played.push(result);
      onPlayed(result);
      say(lineOf(result));
      if (result.problems.length === 0 || waiting.length === 0) continue;
      // Whatever is wrong with this model must not be found again and again.
      lane = await openLane(arena, `${first.model}-${played.length}`);
      all.push(lane);
    }
  };
  await Promise.all(lanes.map(workThrough));
  say('All faults are over; counting');
  const last = await reckonAtTheEnd(arena, all);
  return { played, last, restarts: arena.restarts };
}

/** Only root has a disk to fill. */
function possible({ disk }: Arena, faults: readonly Fault[], say: Say): Fault[] {
  if ('fill' in disk) return [...faults];
  const left = faults.filter(({ kind }) => kind !== 'full');
  if (left.length < faults.length)
    say(`Left out: a full disk, ${faults.length - left.length} times: ${disk.reason}`);
  return left;
}

function lineOf({ fault, model, seconds, problems }: Played): string {
  const verdict = problems.join('; ') || 'ok';
  return `${nameOf(fault).padEnd(28)} ${model.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s  ${verdict}`;
}

async function playOne(arena: Arena, lane: Lane, fault: Fault): Promise<Played> {
  const began = performance.now();
  const end = (problems: string[]): Played => ({
    fault,
    model: lane.model,
    seconds: (performance.now() - began) / 1_000,
    problems,
  });
  try {
    const runId = await lane.start();
    await strike(arena, lane, fault, runId);
    const { number, outcome, explanation } = await lane.finish(runId, 240);
    if (outcome !== 'promoted') return end([`ended as ${outcome}: ${explanation}`]);
    const asked = lane.started();
    const stray = number === asked ? [] : [`delivery ${number}, but ${asked} were asked for`];
    return end([...stray, ...(await reckon(arena, { model: lane.model, number }, fault))]);
  } catch (error) {
    return end([error instanceof Error ? error.message : String(error)]);
  }
}

/** Waits for the fault's stage and moment and strikes. The approval comes from a person, who is at it while the world breaks. */
async function strike(arena: Arena, lane: Lane, fault: Fault, runId: string): Promise<void> {
  const { stage, moment } = fault;
  await lane.reach(runId, stage === 'release' ? 'approve' : stage);
  if (stage === 'release') {
    await lane.approve(runId);
    await lane.reach(runId, 'release');
  }
  const pause = sleep(moment * lengths[stage]);
  if (stage === 'approve') {
    await Promise.all([lane.approve(runId), pause.then(() => inflict(arena, fault))]);
    return;
  }
  await pause;
  await inflict(arena, fault);
  await lane.approve(runId);
}
