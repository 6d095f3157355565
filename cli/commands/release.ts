import type { Command } from 'commander';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { exitCodes } from '../failure.js';
import { paint, paintVerdict, say, sayJson } from '../output.js';
import { wholeNumber } from './delivery.js';

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
  to?: number;
  reason: string;
}

/** `rollback`: at once to an earlier version. */
export function addRollbackCommand(program: Command): void {
  addActingOptions(
    program
      .command('rollback <model>')
      .summary('give all traffic at once to an earlier version')
      .description(
        'Gives all traffic at once to an earlier approved version: the one named, or the champion before this one.',
      ),
  )
    .option('--to <version>', 'version to go to (default: the champion before)', wholeNumber)
    .requiredOption('--reason <text>', 'why, kept with the release')
    .addHelpText('after', examples('perennial rollback flight-delay --to 1 --reason "complaints"'))
    .action(async (model: string, options: RollbackOptions) => {
      const { to, reason } = options;
      const answer = await connect(options).rollback(model, {
        by: principalOf(options),
        reason,
        ...(to === undefined ? {} : { to }),
      });
      if (answer.outcome !== 'promoted') process.exitCode = exitCodes.failed;
      if (options.json) return sayJson(answer);
      const from = answer.from === null ? '' : ` from v${answer.from}`;
      const how =
        answer.outcome === 'promoted' ? 'rolled back' : (answer.outcome ?? 'still rolling back');
      say(`${paint('bold', model)} ${how}${from} to v${answer.to}. ${answer.explanation}`);
    });
}
