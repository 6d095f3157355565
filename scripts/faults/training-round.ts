import { rename, rm } from 'node:fs/promises';
import type { Arena } from './arena.js';
import { findByCommand } from './family.js';
import { inflict } from './inflict.js';
import { reckonMoney } from './money-reckoning.js';
import { folderOfJob, startStepping, type Stepping, type SteppingPlan } from './stepping.js';
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
    try {
      for (const fault of faults) await strike(arena, stepping, fault);
      const result = await stepping.result();
      const { attempt: attempts } = result;
      if (result.kind !== 'succeeded') {
        const problem = `ended as ${result.kind}: ${result.reason}`;
        return end({ attempts, digest: null, problems: [problem] });
      }
      const lossless = faults.every(({ target }) => target !== 'machine');
      const problems = [
        ...(await reckonTraining(arena, stepping, { lossless })),
        ...(await reckonMoney(arena, model)),
      ];
      return end({ attempts, digest: result.model.sha256, problems });
    } finally {
      await stepping.close();
    }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return end({ attempts: 0, digest: null, problems: [problem] });
  }
}

async function strike(arena: Arena, stepping: Stepping, fault: TrainingFault): Promise<void> {
  if (!(await stepping.reach(Math.ceil(fault.moment * stepping.steps)))) return;
  await take(arena, stepping, fault.target);
}

async function take(arena: Arena, stepping: Stepping, target: TrainingTarget): Promise<void> {
  if (target === 'worker')
    return inflict(arena, { kind: 'kill', target: 'training', stage: 'train', moment: 0 });
  if (target === 'engine') return arena.engine?.hurt();
  const began = (await stepping.ledger()).findLast(({ word }) => word === 'began');
  const { key, folder } = folderOfJob(arena, stepping.model, began?.attempt ?? 1);
  if (arena.engine) await arena.engine.killContainer(key);
  else if (target === 'trainer') kill(began?.pid === undefined ? [] : [began.pid]);
  else kill(await findByCommand('process-wrapper.py', folder));
  if (target !== 'machine') return;
  await stepping.ledger();
  // At once, as a machine goes: nobody sees half of it.
  const gone = `${folder}.gone`;
  await rename(folder, gone).catch(unlessMissing);
  await arena.engine?.removeContainer(key);
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
