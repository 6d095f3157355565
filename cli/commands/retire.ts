import type { Command } from 'commander';
import type { Retired } from '../../contracts/overview.js';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { paint, say, sayJson } from '../output.js';

/** `retire`: stops watching a model and, when asked, answering for it. */
export function addRetireCommand(program: Command): void {
  addActingOptions(
    program
      .command('retire <model>')
      .summary('stop watching a model and start nothing new for it')
      .description(
        'Ends the monitor of a model and refuses new deliveries. Its champion goes on answering, unless --off-air takes it off the air. Applying a spec again takes it back as it was.',
      ),
  )
    .option('--reason <text>', 'why, kept in the audit chain', '')
    .option('--off-air', 'stop answering, too: gateways say that there is no such model')
    .addHelpText(
      'after',
      examples(
        'perennial retire flight-delay --reason "replaced by arrival-delay"',
        'perennial retire flight-delay --off-air --reason "nobody asks any more"',
      ),
    )
    .action(async (model: string, options: CommonOptions & { reason: string; offAir?: true }) => {
      const answer = await connect(options).retire(model, {
        by: principalOf(options),
        reason: options.reason,
        offAir: options.offAir === true,
      });
      if (options.json) return sayJson(answer);
      say(`${paint('bold', model)} retired${answer.monitorStopped ? ', its monitor ends' : ''}`);
      say(standingOf(answer));
    });
}

function standingOf({ model, answering, offAirAt }: Retired): string {
  if (offAirAt !== null) return 'It is off the air: gateways answer that there is no such model.';
  if (answering === null) return 'It has no champion: nobody is answered.';
  return `v${answering} goes on answering at the gateways; \`perennial retire ${model} --off-air\` ends that.`;
}
