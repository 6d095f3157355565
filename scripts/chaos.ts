/** Kills, stops, cuts off and starves each process at each stage of a delivery under traffic, and counts by key what came of it. */
import { Command, InvalidArgumentError } from 'commander';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { planKills, planOthers, processes, stages, type Fault } from './faults/plan.js';
import { openArena } from './faults/arena.js';
import { nameOf, playFaults, type Play, type Played } from './faults/play.js';
import { renderTable } from './faults/table.js';

const seeds = 3;
const wholeNumber = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is expected.');
  return Number(text);
};

const fewModels = (text: string): number => {
  if (!/^[1-9]$/.test(text)) throw new InvalidArgumentError('1 to 9 are expected.');
  return Number(text);
};

const options = new Command('chaos')
  .description(
    'Runs deliveries on a stack of its own under light traffic and hurts every process at every stage. Prints a table process × stage; exit code 1 when anything was lost, doubled or not finished.',
  )
  .option('--full', `kill −9 at all ${processes.length * stages.length} pairs, with ${seeds} seeds`)
  .option(
    '--seed <number>',
    'which pairs and moments; the same seed hurts the same',
    wholeNumber,
    1,
  )
  .option('--only <words>', 'only faults whose name holds these words, such as "kill api"', '')
  .option('--lanes <models>', 'deliveries side by side', fewModels, 3)
  .addHelpText(
    'after',
    '\nExamples:\n  ./scripts/chaos\n  ./scripts/chaos --seed 7\n  ./scripts/chaos --full',
  )
  .parse()
  .opts<{ full?: true; seed: number; only: string; lanes: number }>();

function plan(): Fault[] {
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
function tellPlayed(played: readonly Played[]): boolean {
  const failed = played.filter(({ problems }) => problems.length > 0);
  say('');
  say(renderTable(played));
  say('');
  for (const { fault, model, problems } of failed)
    say(`${nameOf(fault)} (${model}): ${problems.join('; ')}`);
  say(
    `${played.length - failed.length} of ${played.length} faults survived (seed ${options.seed})`,
  );
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

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}

async function main(): Promise<number> {
  const began = performance.now();
  const report = (sentence: string) =>
    say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${sentence}`);
  const faults = plan().filter((fault) => nameOf(fault).includes(options.only));
  say(`${faults.length} faults, ${options.lanes} deliveries side by side, seed ${options.seed}`);
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}), shutdownSignals: [] });
  const ownDisk = faults.some(({ kind }) => kind === 'full');
  const arena = await openArena({ ownDisk, say: report });
  const soFar: Played[] = [];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      tellPlayed(soFar);
      say('Interrupted: nothing was counted at the end.');
      void arena.close().finally(() => process.exit(130));
    });
  try {
    const onPlayed = (result: Played) => soFar.push(result);
    const play = await playFaults(arena, { faults, lanes: options.lanes, say: report, onPlayed });
    return [tellPlayed(play.played), tellLast(play)].every(Boolean) ? 0 : 1;
  } finally {
    await arena.close();
  }
}

process.exitCode = await main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  return 1;
});
process.exit();
