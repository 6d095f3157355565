import { pythonOf } from '../../../cli/stack/parts.js';
import { loadConfig } from '../../../runtime/config.js';
import { openContainerEngine } from '../container-engine.js';
import { say, sayFromNow, withArena } from '../session.js';
import {
  containerTargets,
  planTrainingRounds,
  processTargets,
  type HurtTrainer,
  type TrainingTarget,
} from './plan.js';
import { playTrainings, type TrainingPlay } from './play.js';

/** Plays `rounds` trainings on a stack of its own and hurts each; the exit code is 1 when one did not end as if nothing had happened. */
export async function hurtTrainings({
  rounds,
  lanes,
  seed,
  trainer,
  docker = false,
}: {
  rounds: number;
  lanes: number;
  seed: number;
  /** All of this one; else most are of the stepping trainer. */
  trainer?: HurtTrainer;
  docker?: boolean;
}): Promise<void> {
  const report = sayFromNow();
  const targets = docker ? containerTargets : processTargets;
  const planned = planTrainingRounds(seed, rounds, targets);
  say(`${rounds} trainings with checkpoints, ${lanes} side by side, seed ${seed}`);
  const engine = docker
    ? await openContainerEngine({ python: pythonOf(loadConfig()), bare: false })
    : undefined;
  const onInterrupt = () => {};
  await withArena({ ownDisk: false, engine, say: report, onInterrupt }, async (arena) => {
    const play = await playTrainings(arena, {
      rounds: planned.map((round) => (trainer ? { ...round, trainer } : round)),
      lanes,
      plans: {
        stepping: { steps: 60, every: 7, pause: 0.1 },
        tabular: { trees: 300, rows: 40_000, every: 0.3 },
      },
      say: report,
    });
    return tellTrainings(play, { seed, targets });
  });
}

/** Counts and what went wrong; true when nothing did. */
function tellTrainings(
  { played, strays }: TrainingPlay,
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
  for (const { name, problems } of failed) say(`${name}: ${problems.join('; ')}`);
  for (const stray of strays) say(stray);
  for (const trainer of new Set(hurt.map((round) => round.trainer))) {
    const all = hurt.filter((round) => round.trainer === trainer);
    const same = all.filter(
      ({ model }) => model !== null && model.sha256 === digestInPeace(played, trainer),
    );
    say(
      `${trainer.padEnd(8)} ${same.length} of ${all.length} ended with the very bytes of the one in peace`,
    );
  }
  say(`${right} of ${hurt.length} trainings ended as if nothing had happened (seed ${seed})`);
  return failed.length === 0 && strays.length === 0;
}

function digestInPeace(played: TrainingPlay['played'], trainer: HurtTrainer): string | undefined {
  return played.find((round) => round.trainer === trainer && round.faults.length === 0)?.model
    ?.sha256;
}
