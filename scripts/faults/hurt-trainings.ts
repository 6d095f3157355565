import { pythonOf } from '../../cli/stack-parts.js';
import { loadConfig } from '../../runtime/config.js';
import { openContainerEngine } from './container-engine.js';
import { say, sayFromNow, withArena } from './session.js';
import {
  containerTargets,
  planTrainingRounds,
  processTargets,
  type TrainingTarget,
} from './training-plan.js';
import { playTrainings, type TrainingPlay } from './training-play.js';

/** Plays `rounds` trainings on a stack of its own and hurts each; the exit code is 1 when one did not end as if nothing had happened. */
export async function hurtTrainings({
  rounds,
  lanes,
  seed,
  docker = false,
}: {
  rounds: number;
  lanes: number;
  seed: number;
  docker?: boolean;
}): Promise<void> {
  const report = sayFromNow();
  const targets = docker ? containerTargets : processTargets;
  say(`${rounds} trainings with checkpoints, ${lanes} side by side, seed ${seed}`);
  const engine = docker ? await openContainerEngine(pythonOf(loadConfig())) : undefined;
  const onInterrupt = () => {};
  await withArena({ ownDisk: false, engine, say: report, onInterrupt }, async (arena) => {
    const play = await playTrainings(arena, {
      rounds: planTrainingRounds(seed, rounds, targets),
      lanes,
      plan: { steps: 60, every: 7, pause: 0.1 },
      say: report,
    });
    return tellTrainings(play, { seed, targets });
  });
}

/** Counts and what went wrong; true when nothing did. */
function tellTrainings(
  { played }: TrainingPlay,
  { seed, targets }: { seed: number; targets: readonly TrainingTarget[] },
): boolean {
  const hurt = played.filter(({ faults }) => faults.length > 0);
  const failed = played.filter(({ problems }) => problems.length > 0);
  const right = hurt.filter(({ problems }) => problems.length === 0).length;
  const faults = hurt.flatMap((round) => round.faults);
  say('');
  for (const target of targets)
    say(
      `${target.padEnd(8)} killed ${faults.filter((each) => each.target === target).length} times`,
    );
  for (const { model, problems } of failed) say(`${model}: ${problems.join('; ')}`);
  say(`${right} of ${hurt.length} trainings ended as if nothing had happened (seed ${seed})`);
  return failed.length === 0;
}
