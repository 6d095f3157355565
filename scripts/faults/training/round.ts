import type { ArtifactRef } from '../../../contracts/names.js';
import type { Arena } from '../arena.js';
import { reckonMoney } from './money-reckoning.js';
import { openSubject, type Subject, type SubjectPlans } from './subject.js';
import type { TrainingFault, TrainingRound } from './plan.js';
import { strike, type Strike } from './strike.js';

export interface PlayedRound extends TrainingRound {
  name: string;
  attempts: number;
  seconds: number;
  /** What it ended with. */
  model: ArtifactRef | null;
  problems: string[];
}

/** Trains once and hurts it on the way; never throws. `strikes` holds whatever strikes this training or another one beside it. */
export async function playRound(
  arena: Arena,
  {
    name,
    round,
    plans,
    strikes,
  }: { name: string; round: TrainingRound; plans: SubjectPlans; strikes: Strike[] },
): Promise<PlayedRound> {
  const began = performance.now();
  const end = (rest: Pick<PlayedRound, 'attempts' | 'model' | 'problems'>): PlayedRound => ({
    ...round,
    name,
    seconds: (performance.now() - began) / 1_000,
    ...rest,
  });
  try {
    const subject = await openSubject(arena, name, round.trainer, plans);
    try {
      for (const fault of round.faults) await hurt(arena, { subject, fault, strikes });
      const result = await subject.result();
      const { attempt: attempts } = result;
      if (result.kind !== 'succeeded') {
        const problem = `ended as ${result.kind}: ${result.reason}`;
        return end({ attempts, model: null, problems: [problem] });
      }
      const lossless = round.faults.every(({ target }) => target !== 'machine');
      const problems = [
        ...(await subject.reckon({ lossless })),
        ...(await reckonMoney(arena, name, { lives: await subject.lives(), strikes })),
      ];
      return end({ attempts, model: result.model, problems });
    } finally {
      await subject.close();
    }
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return end({ attempts: 0, model: null, problems: [problem] });
  }
}

async function hurt(
  arena: Arena,
  { subject, fault, strikes }: { subject: Subject; fault: TrainingFault; strikes: Strike[] },
): Promise<void> {
  if (!(await subject.reach(fault.moment))) return;
  strikes.push({ target: fault.target, at: Date.now() });
  await strike(arena, subject, fault.target);
}
