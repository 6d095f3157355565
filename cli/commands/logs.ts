import type { Command } from 'commander';
import type { LogLine, LogQuery, Perennial } from '../../client/index.js';
import { connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { UsageError } from '../failure.js';
import { paint, say, sayJsonLine } from '../output.js';
import { instantOf, wholeNumber } from '../values.js';
import { newestDelivery } from './delivery.js';

interface LogsOptions extends CommonOptions {
  delivery?: number;
  attempt?: number;
  trial?: number;
  rank?: number;
  since?: string;
  follow?: true;
}

/** `logs`: what the trainer wrote. */
export function addLogsCommand(program: Command): void {
  program
    .command('logs <model>')
    .summary('show what the trainer wrote')
    .description(
      'Shows what the trainer of the newest delivery wrote, or of the one given by number. With --follow it goes on until the training has ended; an API that restarts meanwhile is waited for.',
    )
    .option('-f, --follow', 'go on until the training has ended')
    .option('--delivery <number>', 'another than the newest', wholeNumber)
    .option('--attempt <number>', 'of this attempt alone', wholeNumber)
    .option('--trial <number>', 'of this trial of a search', wholeNumber)
    .option('--rank <number>', 'of this replica alone', rankNumber)
    .option(
      '--since <when>',
      'from an instant on (ISO 8601), or from so long ago: 90s, 15m, 2h',
      instantOf,
    )
    .option('--json', 'print one JSON object a line: attempt, rank, offset, line, at')
    .option(
      '--api <url>',
      'address of the control API (default: PERENNIAL_API, else the running stack)',
    )
    .addHelpText(
      'after',
      examples(
        'perennial logs flight-delay --follow',
        'perennial logs flight-delay --delivery 7 --attempt 2 --rank 3',
        'perennial logs flight-delay --since 15m --json | jq -r .line',
      ),
    )
    .action(async (model: string, options: LogsOptions) => {
      const perennial = connect(options);
      const number = options.delivery ?? (await newestDelivery(perennial, model));
      const query = {
        ...(options.since === undefined ? {} : { from: options.since }),
        ...(options.attempt === undefined ? {} : { attempt: options.attempt }),
        ...(options.trial === undefined ? {} : { trial: options.trial }),
        ...(options.rank === undefined ? {} : { rank: options.rank }),
      };
      const lines = options.follow
        ? perennial.followLogs(model, number, query)
        : writtenLines(perennial, model, number, query);
      if (options.json) for await (const line of lines) sayJsonLine(line);
      else await sayLines(lines);
    });
}

/**
 * A rule between two attempts, for the next one may begin in the middle of what the one before did. Of several replicas each line
 * stands behind the rank of the one that said it.
 */
async function sayLines(lines: AsyncIterable<LogLine>): Promise<void> {
  let before: number | null = null;
  for await (const { attempt, rank, line } of lines) {
    if (before !== null && attempt !== before) say(paint('dim', `── attempt ${attempt} ──`));
    before = attempt;
    say(rank === null ? line : `[${rank}] ${line}`);
  }
}

/** Page by page, for a log may be large. */
async function* writtenLines(perennial: Perennial, model: string, number: number, query: LogQuery) {
  let since = '0:0';
  for (;;) {
    const page = await perennial.logs(model, number, { ...query, since });
    if (page.lines.length === 0) return;
    yield* page.lines;
    since = page.next;
  }
}

/** The first replica is number 0. */
function rankNumber(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new UsageError(`'${text}' is not a rank: the replicas are numbered from 0 on.`);
}
