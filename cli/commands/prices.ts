import type { Command } from 'commander';
import {
  addActingOptions,
  addCommonOptions,
  connect,
  principalOf,
  type CommonOptions,
} from '../connection.js';
import { examples } from '../examples.js';
import { paint, say, sayJson } from '../output.js';

/** `prices show`, `prices set`. */
export function addPricesCommand(program: Command): void {
  const prices = program
    .command('prices')
    .summary('show or set what machines cost and draw')
    .description(
      'The price book: prices of cores, memory and GPUs, their watts, electricity and carbon of the grid.',
    )
    .addHelpText(
      'after',
      `\nBoth take --json.\n${examples('perennial prices show', 'perennial prices set prices.yaml')}`,
    );
  addCommonOptions(prices.command('show').summary('the prices that new trainings are counted by'))
    .addHelpText('after', examples('perennial prices show --json'))
    .action(async (options: CommonOptions) => {
      const kept = await connect(options).showPrices();
      if (options.json) return sayJson({ prices: kept });
      if (!kept) return say('No prices. Set them with `perennial prices set FILE`.');
      say(
        `${paint('bold', `price book ${kept.number}`)}, ${kept.digest.slice(0, 12)}, set by ${kept.setBy} at ${kept.setAt}`,
      );
      say(JSON.stringify(kept.content, null, 2));
    });
  addActingOptions(prices.command('set').summary('set new prices from a YAML file'))
    .argument('<file>', 'price book; docs/costs.md shows one')
    .addHelpText('after', examples('perennial prices set prices.yaml'))
    .action(async (file: string, options: CommonOptions) => {
      const kept = await connect(options).setPricesFile(file, { by: principalOf(options) });
      if (options.json) return sayJson(kept);
      say(
        `${paint('bold', `price book ${kept.number}`)} ${kept.created ? 'set' : 'unchanged'}, ${kept.digest.slice(0, 12)}`,
      );
    });
}
