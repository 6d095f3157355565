import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { trainingKey } from '../../training/key.js';
import type { Arena } from './arena.js';
import { findByCommand } from './family.js';
import { inflict } from './inflict.js';
import { reckonMoney } from './money-reckoning.js';
import { startStepping, type Stepping, type SteppingPlan } from './stepping.js';
import type { TrainingFault, TrainingRound, TrainingTarget } from './training-plan.js';
import { reckonTraining } from './training-reckoning.js';

export interface PlayedRound {
  model: string;
  faults: TrainingRound;
  attempts: number;
  seconds: number;
  /** Digest of the model it ended with. */
  digest: string | null;
  problems: string[];
}

/** Trains once and hurts it on the way; never throws. */
export async function playRound(
  arena: Arena,
  { model, plan, faults }: { model: string; plan: SteppingPlan; faults: TrainingRound },
): Promise<PlayedRound> {
  const began = performance.now();
  const end = (rest: Pick<PlayedRound, 'attempts' | 'digest' | 'problems'>): PlayedRound => ({
    model,
    faults,
    seconds: (performance.now() - began) / 1_000,
    ...rest,
  });
  try {
    const stepping = await startStepping(arena, model, plan);
    for (const fault of faults) await strike(arena, stepping, fault);
    const result = await stepping.result();
    const { attempt: attempts } = result;
    if (result.kind !== 'succeeded')
      return end({
        attempts,
        digest: null,
        problems: [`ended as ${result.kind}: ${result.reason}`],
      });
    const lossless = faults.every(({ target }) => target !== 'machine');
    const problems = [
      ...(await reckonTraining(arena, stepping, { lossless })),
      ...(await reckonMoney(arena, model)),
    ];
    return end({ attempts, digest: result.model.sha256, problems });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return end({ attempts: 0, digest: null, problems: [problem] });
  }
}

async function strike(arena: Arena, stepping: Stepping, fault: TrainingFault): Promise<void> {
  if (!(await stepping.reach(Math.ceil(fault.moment * stepping.steps)))) return;
  await take(arena, stepping, fault.target);
}

async function take(
  arena: Arena,
  { model, ledger }: Stepping,
  target: TrainingTarget,
): Promise<void> {
  if (target === 'worker')
    return inflict(arena, { kind: 'kill', target: 'training', stage: 'train', moment: 0 });
  const began = (await ledger()).findLast(({ word }) => word === 'began');
  if (target === 'trainer') return kill(began?.pid === undefined ? [] : [began.pid]);
  const { attempt = 1 } = began ?? {};
  const key = trainingKey({ installation: 'local', model, delivery: 1, attempt });
  const folder = join(arena.home, 'jobs', key);
  kill(await findByCommand('process-wrapper.py', folder));
  if (target === 'wrapper') return;
  // At once, as a machine goes: nobody sees half of it.
  const gone = `${folder}.gone`;
  await rename(folder, gone).catch(unlessMissing);
  await rm(gone, { recursive: true, force: true, maxRetries: 3 });
}

function kill(pids: number[]): void {
  for (const pid of pids)
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It has just ended by itself.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
