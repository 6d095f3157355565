import type { Command } from 'commander';
import type { ModelCost } from '../../contracts/cost.js';
import { amountOf } from '../../contracts/money.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { number, paint, say, sayJson, sayTable } from '../output.js';

/** `cost`: what a model's trainings took. */
export function addCostCommand(program: Command): void {
  addCommonOptions(
    program
      .command('cost <model>')
      .summary('show what a model costs: money, energy, carbon')
      .description(
        'Shows what the trainings of a model cost by delivery, and by version for each thousand predictions it answered.',
      ),
  )
    .addHelpText('after', examples('perennial cost flight-delay', 'perennial cost churn --json'))
    .action(async (model: string, options: CommonOptions) => {
      const cost = await connect(options).cost(model);
      if (options.json) return sayJson(cost);
      sayCost(cost);
    });
}

const energySources = {
  'price-book': 'Energy by the watts of the price book.',
  measured: 'GPU energy as measured, the rest by the watts of the price book.',
  both: 'GPU energy as measured where it was, the rest by the watts of the price book.',
  none: 'No training has been counted yet.',
};

function sayCost({ model, currency, energyFrom, total, reserved, ...cost }: ModelCost): void {
  if (currency === null)
    return say(`${paint('bold', model)} no prices: set them with \`perennial prices set FILE\``);
  const held = reserved > 0 ? `, ${amountOf(reserved)} held` : '';
  say(
    `${paint('bold', model)} ${amountOf(total.amount)} ${currency}${held}, ${number(total.energyKwh)} kWh, ${number(total.carbonGrams)} gCO2e. ${energySources[energyFrom]}`,
  );
  say();
  sayTable(
    ['delivery', 'version', 'attempts', 'seconds', currency, 'kWh', 'gCO2e'],
    cost.deliveries.map((each) => [
      each.delivery,
      each.version === null ? null : `v${each.version}`,
      each.attempts,
      number(each.seconds),
      amountOf(each.amount),
      number(each.energyKwh),
      number(each.carbonGrams),
    ]),
    'Nothing counted yet.',
  );
  if (cost.versions.length === 0) return;
  say();
  sayTable(
    ['version', 'predictions', `${currency} per 1000`, 'kWh per 1000', 'gCO2e per 1000'],
    cost.versions.map(({ version, predictions, perThousand }) => [
      `v${version}`,
      predictions,
      perThousand && amountOf(perThousand.amount),
      number(perThousand?.energyKwh),
      number(perThousand?.carbonGrams),
    ]),
    '',
  );
}
