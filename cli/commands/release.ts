import type { Command } from 'commander';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import type { RollbackStarted } from '../../contracts/overview.js';
import { examples } from '../examples.js';
import { exitCodes } from '../failure.js';
import { paint, paintVerdict, say, sayJson } from '../output.js';
import { wholeNumber } from '../values.js';

const commands = {
  promote: 'give the version in release all traffic now, in place of the judge',
  pause: 'keep the traffic as it is and stop judging',
  resume: 'go on judging a paused release',
  abort: 'give the champion its traffic back and end the release',
  extend: 'give the present step another stretch of time',
} as const;

/** `promote pause resume abort extend`: steer the release under way. */
export function addReleaseCommands(program: Command): void {
  for (const [act, summary] of Object.entries(commands) as [keyof typeof commands, string][]) {
    addActingOptions(
      program
        .command(`${act} <model>`)
        .summary(summary)
        .description(`Of the release under way: ${summary}.`),
    )
      .option('--reason <text>', 'why, kept with the release', '')
      .addHelpText(
        'after',
        examples(`perennial ${act} flight-delay --reason "seen in the dashboards"`),
      )
      .action(async (model: string, options: CommonOptions & { reason: string }) => {
        const { reason } = options;
        const answer = await connect(options)[act](model, { by: principalOf(options), reason });
        if (options.json) return sayJson(answer);
        say(`${paint('bold', model)} ${paintVerdict(answer.status)}. ${answer.reason}`);
      });
  }
}

interface RollbackOptions extends CommonOptions {
  from?: number;
  to?: number;
  reason: string;
}

/** `rollback`: at once to an earlier version. */
export function addRollbackCommand(program: Command): void {
  addActingOptions(
    program
      .command('rollback <model>')
      .summary('end the release under way, or give all traffic at once to an earlier version')
      .description(
        'Ends the release under way: the champion has its traffic again. Where none is, gives all traffic at once to an earlier approved version: the one named, or the champion before this one. Asked for once more it goes back no further.',
      ),
  )
    .option(
      '--from <version>',
      'version to go back from (default: the one released last); where it has no traffic nothing is changed',
      wholeNumber,
    )
    .option(
      '--to <version>',
      'version to go to (default: the champion of the release under way, else the one before this)',
      wholeNumber,
    )
    .requiredOption('--reason <text>', 'why, kept with the release')
    .addHelpText(
      'after',
      examples(
        'perennial rollback flight-delay --reason "complaints"',
        'perennial rollback flight-delay --to 1 --reason "complaints"',
      ),
    )
    .action(async (model: string, options: RollbackOptions) => {
      const { from, to, reason } = options;
      const answer = await connect(options).rollback(model, {
        by: principalOf(options),
        reason,
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
      });
      if (!isDone(answer)) process.exitCode = exitCodes.failed;
      if (options.json) return sayJson(answer);
      say(`${paint('bold', model)} ${toldOf(answer)} ${answer.explanation}`);
    });
}

/** A release that was ended alone is done with its end; any other when its version has all traffic, which it may have had before. */
function isDone(answer: RollbackStarted): boolean {
  if (isEndAlone(answer)) return answer.outcome !== null;
  return answer.outcome === 'promoted' || answer.outcome === 'unchanged';
}

/** The release under way was ended, and nothing else was needed. */
function isEndAlone({ ended, from }: RollbackStarted): boolean {
  return ended !== null && ended.outcome !== 'promoted' && ended.version === from;
}

function toldOf(answer: RollbackStarted): string {
  const { ended, from, to, outcome } = answer;
  if (ended !== null && isEndAlone(answer)) {
    if (outcome === null) return `release of v${ended.version} is still ending.`;
    const now = to === null ? 'there is no champion yet' : `v${to} has all traffic again`;
    return `release of v${ended.version} ended, ${now}.`;
  }
  const first = ended === null ? '' : `release of v${ended.version} ${ended.outcome}, then `;
  if (outcome === 'unchanged') return `${first}unchanged.`;
  const how = outcome === 'promoted' ? 'rolled back' : (outcome ?? 'still rolling back');
  return `${first}${how}${from === null ? '' : ` from v${from}`} to v${to}.`;
}
