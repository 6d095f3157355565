import type { Command } from 'commander';
import type { SearchView, TrialView } from '../../contracts/search.js';
import { addCommonOptions, connect, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { number, paint, say, sayJson, sayTable } from '../output.js';
import { wholeNumber } from '../values.js';
import { newestDelivery } from './delivery.js';

/** `trials`: what a search tried, and what came of it. */
export function addTrialsCommand(program: Command): void {
  addCommonOptions(
    program
      .command('trials <model>')
      .argument('[delivery]', 'another than the newest', wholeNumber)
      .summary('show the trials of a search')
      .description(
        'Shows what the search of the newest delivery tried, or of the one given by number: the parameters of each trial, its value, and which one was chosen.',
      ),
  )
    .addHelpText('after', examples('perennial trials flight-delay', 'perennial trials churn 7'))
    .action(async (model: string, delivery: number | undefined, options: CommonOptions) => {
      const perennial = connect(options);
      const view = await perennial.listTrials(
        model,
        delivery ?? (await newestDelivery(perennial, model)),
      );
      if (options.json) return sayJson(view);
      saySearch(view);
    });
}

function saySearch({ model, delivery, search, endedByMoney, trials }: SearchView): void {
  const title = paint('bold', `${model}, delivery ${delivery}`);
  if (search === null) return say(`${title} trained once: its spec has no training.search`);
  const { metric, direction, stopEarly } = search;
  const rule = stopEarly === 'none' ? '' : `, stopped early by ${stopEarly}`;
  say(`${title}: ${direction} ${metric}, ${trials.length} of ${search.trials} trials${rule}`);
  say();
  const names = Object.keys(search.parameters);
  sayTable(
    ['trial', 'state', metric, 'step', 'attempts', ...names, 'because'],
    trials
      .toSorted(byNumber)
      .map((trial) => [
        trial.trial,
        trial.chosen ? `${trial.state} *` : trial.state,
        number(trial.value),
        trial.step,
        trial.attempts,
        ...names.map((name) => valueOf(trial, name)),
        trial.reason,
      ]),
    'No trial was begun yet.',
  );
  if (endedByMoney) say(`\nMoney ended it: no budget had room for another trial.`);
  const chosen = trials.find((each) => each.chosen);
  if (chosen) say(`\n* its model (${chosen.artifact?.slice(0, 12)}) became the candidate`);
}

const byNumber = (one: TrialView, other: TrialView) => one.trial - other.trial;

function valueOf({ parameters }: TrialView, name: string): string {
  const value = parameters[name];
  return typeof value === 'number' ? number(value) : String(value ?? '-');
}
