import type { Command } from 'commander';
import type { ModelCost, Spent, VersionCost } from '../../contracts/cost.js';
import { amountOf } from '../../contracts/money.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { number, paint, say, sayJson, sayTable } from '../output.js';

/** `cost`: what a model's trainings and its answers took. */
export function addCostCommand(program: Command): void {
  addCommonOptions(
    program
      .command('cost <model>')
      .summary('show what a model costs: money, energy, carbon')
      .description(
        'Shows what the trainings of a model cost by delivery, and what training and serving cost by version, for each thousand predictions too.',
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

function sayCost(cost: ModelCost): void {
  const { model, currency, energyFrom, total, training, serving, reserved } = cost;
  if (currency === null)
    return say(`${paint('bold', model)} no prices: set them with \`perennial prices set FILE\``);
  const held = reserved > 0 ? `, ${amountOf(reserved)} held` : '';
  say(
    `${paint('bold', model)} ${amountOf(total.amount)} ${currency}${held}, ${number(total.energyKwh)} kWh, ${number(total.carbonGrams)} gCO2e. ${energySources[energyFrom]}`,
  );
  say(
    `Of that training ${amountOf(training.amount)} ${currency}, ${number(training.energyKwh)} kWh; serving ${amountOf(serving.amount)} ${currency}, ${number(serving.energyKwh)} kWh, in ${number(serving.processorSeconds)} s of a core.`,
  );
  say();
  sayDeliveries(cost.deliveries, currency);
  if (cost.versions.length === 0) return;
  say();
  sayVersions(cost.versions, currency);
}

function sayDeliveries(deliveries: ModelCost['deliveries'], currency: string): void {
  sayTable(
    ['delivery', 'version', 'attempts', 'seconds', currency, 'kWh', 'gCO2e'],
    deliveries.map((each) => [
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
}

function sayVersions(versions: VersionCost[], currency: string): void {
  const money = (spent: Spent | null) => spent && amountOf(spent.amount);
  sayTable(
    [
      'version',
      'predictions',
      `${currency} training`,
      `${currency} serving`,
      `${currency} per 1000`,
      'training',
      'serving',
      'kWh per 1000',
      'gCO2e per 1000',
    ],
    versions.map(({ version, predictions, total, training, serving }) => [
      `v${version}`,
      predictions,
      amountOf(training.amount),
      amountOf(serving.amount),
      money(total.perThousand),
      money(training.perThousand),
      money(serving.perThousand),
      number(total.perThousand?.energyKwh),
      number(total.perThousand?.carbonGrams),
    ]),
    '',
  );
}
