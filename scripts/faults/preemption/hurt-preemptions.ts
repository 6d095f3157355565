import { pythonOf } from '../../../cli/stack/parts.js';
import { loadConfig } from '../../../runtime/config.js';
import { openContainerEngine } from '../container-engine.js';
import {
  containerTargets,
  moments,
  planPreemptionRounds,
  preemptionTargets,
  type PreemptionTarget,
} from './plan.js';
import { gpusFor, playPreemptions, type PreemptionPlay } from './play.js';
import { say, sayFromNow, withArena } from '../session.js';

/** Plays `rounds` on a stack of its own, in which urgent trainings take the GPUs of others; the exit code is 1 when one went wrong. */
export async function hurtPreemptions({
  rounds,
  lanes,
  seed,
  steps,
  docker = false,
}: {
  rounds: number;
  lanes: number;
  seed: number;
  /** Of the low ones, ten a second. */
  steps: number;
  docker?: boolean;
}): Promise<void> {
  const report = sayFromNow();
  const targets = docker ? containerTargets : preemptionTargets;
  const planned = planPreemptionRounds(seed, rounds, targets);
  say(
    `${rounds} rounds of urgent trainings that need others' GPUs, ${lanes} side by side, seed ${seed}`,
  );
  const engine = docker
    ? await openContainerEngine({ python: pythonOf(loadConfig()), bare: true, gpus: true })
    : undefined;
  const hurt = { ownDisk: false, engine, gpus: gpusFor(lanes), say: report, onInterrupt: () => {} };
  await withArena(hurt, async (arena) => {
    const plans = {
      low: { steps, every: 7, pause: 0.1 },
      urgent: { steps: 25, every: 7, pause: 0.1 },
    };
    const play = await playPreemptions(arena, { rounds: planned, lanes, plans, say: report });
    return tellPreemptions(play, { seed, targets });
  });
}

/** Counts and what went wrong; true when nothing did. */
function tellPreemptions(
  { played, strays }: PreemptionPlay,
  { seed, targets }: { seed: number; targets: readonly PreemptionTarget[] },
): boolean {
  const hurt = played.filter(({ round }) => round.faults.length > 0);
  const failed = played.filter(({ problems }) => problems.length > 0);
  const right = hurt.filter(({ problems }) => problems.length === 0).length;
  const struck = hurt.flatMap((round) => round.struck);
  say('');
  for (const moment of moments) {
    const here = struck.filter((fault) => fault.moment === moment);
    const counts = targets.map(
      (target) => `${target} ${here.filter((fault) => fault.target === target).length}`,
    );
    say(`${moment.padEnd(8)} ${counts.join(', ')}`);
  }
  for (const { name, problems } of failed) say(`${name}: ${problems.join('; ')}`);
  for (const stray of strays) say(stray);
  const yields = hurt.reduce((sum, round) => sum + round.yields, 0);
  say(`${yields} times a training gave way`);
  say(`${right} of ${hurt.length} rounds ended as if nothing had happened (seed ${seed})`);
  return failed.length === 0 && strays.length === 0;
}
