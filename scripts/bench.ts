/** Measures what the platform costs beside its peers, on this machine, and says whether the goals are met. */
import type { Benchmark } from './benchmarks/benchmark.js';
import { describeEnvironment } from './benchmarks/environment.js';
import { history } from './benchmarks/history.js';
import { monitors } from './benchmarks/monitors.js';
import { predict } from './benchmarks/predict.js';
import type { BenchResult } from './benchmarks/result.js';
import { stageOverhead } from './benchmarks/stage-overhead.js';
import { stopEverything } from './benchmarks/started.js';
import { silenceTemporal } from './benchmarks/temporal-home.js';
import { training } from './benchmarks/training.js';
import { validate } from './benchmarks/validate.js';
import { createCommand } from './command-line.js';

const benchmarks: Benchmark[] = [stageOverhead, predict, validate, history, monitors, training];
const names = benchmarks.map(({ name }) => name);

const command = createCommand('bench')
  .description('Measures what the platform costs beside its peers, on this machine.')
  .argument('[name...]', 'benchmarks to run; all of them by default')
  .option('--json', 'print one line of JSON a result; what else is said goes to stderr')
  .option('--full', 'the long form: 10,000 monitors')
  .addHelpText(
    'after',
    `
Benchmarks:
${benchmarks.map(({ name, what }) => `  ${name.padEnd(15)} ${what}`).join('\n')}

Peers are installed into .tools/peers; one that cannot be is skipped, with the reason. ratio is ours / theirs: lower is better.
The exit code is 1 when a goal is missed or an answer differs from the peer's. docs/benchmarks.md tells the figures.

Examples:
  ./scripts/bench
  ./scripts/bench predict validate --json`,
  )
  .parse();
const { json = false, full = false } = command.opts<{ json?: boolean; full?: boolean }>();
const unknown = command.args.filter((name) => !names.includes(name));
if (unknown.length > 0)
  command.error(`There is no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}.`);

async function main(): Promise<number> {
  if (process.platform !== 'linux') {
    process.stderr.write('Processor time is read from /proc, which only Linux has.\n');
    return 2;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      void stopEverything().then(() => process.exit(signal === 'SIGINT' ? 130 : 143));
    });
  process.stderr.write(`${describeEnvironment()}\n`);
  silenceTemporal();
  let failed = 0;
  for (const benchmark of benchmarks) {
    if (command.args.length > 0 && !command.args.includes(benchmark.name)) continue;
    try {
      const result = await benchmark.run({ full });
      process.stdout.write(`${json ? JSON.stringify(result, shortened) : inWords(result)}\n`);
      if (result.ok === false) failed += 1;
    } catch (error) {
      failed += 1;
      process.stderr.write(
        `${benchmark.name} broke: ${error instanceof Error ? error.message : String(error)}\n`,
      );
    }
  }
  return failed > 0 ? 1 : 0;
}

function inWords(result: BenchResult): string {
  const { name, peer, ours, theirs, ratio, unit, pairs, goal, range, wall, figures } = result;
  if (result.skipped !== undefined) return `${name.padEnd(15)} skipped: ${result.skipped}`;
  const judged = result.ok === true ? 'met' : 'missed';
  const lines =
    ratio === null
      ? [`${name.padEnd(15)} ${short(ours)} ${unit}; goal at most ${goal}: ${judged}`]
      : [
          `${name.padEnd(15)} ${short(ratio)} of ${peer}; goal at most ${goal}: ${judged}`,
          `${short(ours)} against ${short(theirs)} ${unit}; ${pairs} pairs from ${short(range?.[0])} to ${short(range?.[1])}`,
        ];
  if (wall)
    lines.push(
      `by the clock ${short(wall.ours)} against ${short(wall.theirs)} ms, ratio ${short(wall.ratio)}`,
    );
  for (const [figure, value] of Object.entries(figures ?? {}))
    lines.push(`${figure}: ${short(value)}`);
  return lines.join(`\n${' '.repeat(16)}`);
}

/** Four digits are more than any figure here is worth; whole numbers are counts. */
function shortened(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value)
    ? Number(value.toPrecision(4))
    : value;
}

function short(value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(3)));
}

process.exit(await main());
