/** Kills, stops, cuts off and starves each process at each stage of a delivery under traffic, and counts by key what came of it. */
import { Option } from 'commander';
import { createCommand, wholeNumber } from './command-line.js';
import { hurtPreemptions } from './faults/preemption/hurt-preemptions.js';
import { hurtTrainings } from './faults/training/hurt-trainings.js';
import { planKills, planOthers, processes, stages, type Fault } from './faults/delivery/plan.js';
import { nameOf, playFaults, type Play, type Played } from './faults/delivery/play.js';
import { say, sayFromNow, withArena } from './faults/session.js';
import { renderTable } from './faults/delivery/table.js';

const seeds = 3;
const seedNumber = wholeNumber(0);
const fewModels = wholeNumber(1, 9);

interface StackOptions {
  full?: true;
  seed: number;
  only: string;
  lanes: number;
}

function planFaults(options: StackOptions): Fault[] {
  if (!options.full)
    return [
      ...planKills(options.seed, 14),
      ...planOthers(options.seed, { refuse: 2, freeze: 3, full: 1 }),
    ];
  const each = Array.from({ length: seeds }, (_, index) => options.seed + index);
  return [
    ...each.flatMap((seed) => planKills(seed, processes.length * stages.length)),
    ...each.flatMap((seed) => planOthers(seed, { refuse: 4, freeze: 7, full: 2 })),
  ];
}

/** The table and what went wrong; true when nothing did. */
function tellPlayed(played: readonly Played[], { seed }: StackOptions): boolean {
  const failed = played.filter(({ problems }) => problems.length > 0);
  say('');
  say(renderTable(played));
  say('');
  for (const { fault, model, problems } of failed)
    say(`${nameOf(fault)} (${model}): ${problems.join('; ')}`);
  say(`${played.length - failed.length} of ${played.length} faults survived (seed ${seed})`);
  return failed.length === 0;
}

function tellLast({ last, restarts }: Play): boolean {
  for (const problem of last.problems) say(problem);
  const times = [...restarts].map(([name, count]) => `${name} ${count}`).join(', ');
  say(`restarted    ${times}`);
  say(
    `predictions  ${last.answered} answered, ${last.stored} of them in the log, ${last.dropped} counted as dropped`,
  );
  say(`histories    ${last.replayed} replayed`);
  return last.problems.length === 0;
}

async function hurtDeliveries(options: StackOptions): Promise<void> {
  const report = sayFromNow();
  const faults = planFaults(options).filter((fault) => nameOf(fault).includes(options.only));
  say(`${faults.length} faults, ${options.lanes} deliveries side by side, seed ${options.seed}`);
  const ownDisk = faults.some(({ kind }) => kind === 'full');
  const soFar: Played[] = [];
  const onInterrupt = () => void tellPlayed(soFar, options);
  await withArena({ ownDisk, say: report, onInterrupt }, async (arena) => {
    const onPlayed = (result: Played) => soFar.push(result);
    const play = await playFaults(arena, { faults, lanes: options.lanes, say: report, onPlayed });
    return [tellPlayed(play.played, options), tellLast(play)].every(Boolean);
  });
}

const program = createCommand('chaos')
  .description(
    'Runs deliveries on a stack of its own under light traffic and hurts every process at every stage. Prints a table process × stage; exit code 1 when anything was lost, doubled or not finished.',
  )
  .enablePositionalOptions()
  .option('--full', `kill −9 at all ${processes.length * stages.length} pairs, with ${seeds} seeds`)
  .option('--seed <number>', 'which pairs and moments; the same seed hurts the same', seedNumber, 1)
  .option('--only <words>', 'only faults whose name holds these words, such as "kill api"', '')
  .option('--lanes <models>', 'deliveries side by side', fewModels, 3)
  .addHelpText(
    'after',
    '\nExamples:\n  ./scripts/chaos\n  ./scripts/chaos --seed 7\n  ./scripts/chaos --full\n  ./scripts/chaos training --rounds 8\n  ./scripts/chaos preemption --docker',
  )
  .action(hurtDeliveries);

program
  .command('training')
  .description(
    'Runs trainings of countable steps, and some of the tabular trainer, and kills worker, trainer, wrapper or the whole machine at any moment. Each has to end with the same model, no step run again but those behind the last checkpoint, every second paid for, nothing left running.',
  )
  .option('--rounds <number>', 'trainings to hurt', wholeNumber(1), 50)
  .option('--seed <number>', 'whom and when; the same seed hurts the same', seedNumber, 1)
  .option('--lanes <number>', 'trainings side by side', fewModels, 5)
  .addOption(
    new Option('--trainer <name>', 'only trainings of this one').choices(['stepping', 'tabular']),
  )
  .option(
    '--docker',
    'in containers of an engine of its own, which is killed, too; needs root and dockerd',
  )
  .action(hurtTrainings);

program
  .command('preemption')
  .description(
    'Has urgent trainings take the GPUs of others by checkpoint, and kills worker, trainer or wrapper between wish, stop, release and new lease. All have to end with the same model, never two on one GPU, no step run again but those behind the last checkpoint, no attempt counted for giving way, every second paid for, no lease and nothing running left.',
  )
  .option('--rounds <number>', 'rounds of some low and some urgent trainings', wholeNumber(1), 20)
  .option('--seed <number>', 'who, whom and when; the same seed plays the same', seedNumber, 1)
  .option('--lanes <number>', 'rounds side by side, each on two GPUs of its own', fewModels, 3)
  .option(
    '--steps <number>',
    'of the low ones, ten a second; 1300 outlast a lease',
    wholeNumber(1),
    160,
  )
  .option(
    '--docker',
    'in containers of an engine of its own, which is killed, too; needs root and dockerd',
  )
  .action(hurtPreemptions);

await program.parseAsync().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
process.exit();
