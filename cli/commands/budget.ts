import { Argument, Option, type Command } from 'commander';
import { PerennialError, type Perennial } from '../../client/index.js';
import {
  budgetPeriod,
  budgetScope,
  type BudgetPeriod,
  type BudgetScope,
  type ChangedBudget,
} from '../../contracts/budget.js';
import { amount, amountOf, currency } from '../../contracts/money.js';
import {
  addActingOptions,
  addCommonOptions,
  connect,
  principalOf,
  type CommonOptions,
} from '../connection.js';
import { sayAwaited } from '../evidence-view.js';
import { examples } from '../examples.js';
import { UsageError } from '../failure.js';
import { paint, say, sayJson, sayTable } from '../output.js';
import { readAs } from '../values.js';

interface BudgetOptions extends CommonOptions {
  soft?: string;
  hard?: string;
  period?: BudgetPeriod;
  currency?: string;
  by: string;
  reason: string;
}

const scopeArgument = () =>
  new Argument('<scope>', 'whose budget').choices(budgetScope.options).argRequired();
const nameText = 'team, model, or delivery as flight-delay/3';

/** `budget list`, `budget set`, `budget extend`. */
export function addBudgetCommand(program: Command): void {
  const budget = program
    .command('budget')
    .summary('list, set or extend budgets of teams, models and deliveries')
    .description(
      'Limits of what trainings may cost: people are told at the soft one, trainings stop at the hard one.',
    )
    .addHelpText(
      'after',
      `\nEvery one of them takes --json.\n${examples('perennial budget list', 'perennial budget set team growth --soft 800 --hard 1000', 'perennial budget extend model churn --by 50')}`,
    );
  addCommonOptions(budget.command('list').summary('all budgets and how they stand'))
    .addHelpText('after', examples('perennial budget list --json'))
    .action(listBudgets);
  addActingOptions(budget.command('set').summary('set limits of a budget; what is not named stays'))
    .addArgument(scopeArgument())
    .argument('<name>', nameText)
    .option('--soft <amount>', "people are told from here on; 'none' for no such limit", limitOf)
    .option(
      '--hard <amount>',
      "trainings stop before this is passed; 'none' for no such limit",
      limitOf,
    )
    .addOption(
      new Option(
        '--period <period>',
        'what it counts (default: of a new budget the month)',
      ).choices(budgetPeriod.options),
    )
    .option(
      '--currency <code>',
      'currency of the amounts (default: that of the prices)',
      readAs(currency),
    )
    .option('--reason <text>', 'why, kept in the audit chain', '')
    .addHelpText('after', examples('perennial budget set model churn --hard 200 --period total'))
    .action(setBudget);
  addActingOptions(budget.command('extend').summary('raise the limits of a budget'))
    .addArgument(scopeArgument())
    .argument('<name>', nameText)
    .requiredOption('--by <amount>', 'how much is added to its limits', readAs(amount))
    .option('--reason <text>', 'why, kept in the audit chain', '')
    .option('--id <text>', 'given twice, it is one extension (default: a new one each time)')
    .addHelpText('after', examples('perennial budget extend team growth --by 50 --reason launch'))
    .action(extendBudget);
}

async function listBudgets(options: CommonOptions): Promise<void> {
  const budgets = await connect(options).listBudgets();
  if (options.json) return sayJson({ budgets });
  sayBudgets(budgets);
}

async function setBudget(scope: BudgetScope, name: string, options: BudgetOptions): Promise<void> {
  const { soft, hard, period, reason } = options;
  if (soft === undefined && hard === undefined && period === undefined)
    throw new UsageError('There is nothing to set: name --soft, --hard or both, or --period.');
  const perennial = connect(options);
  const counted = options.currency ?? (await perennial.showPrices())?.content.currency;
  if (counted === undefined)
    throw new PerennialError('PRICES_MISSING', 'Without prices no budget can be counted.');
  const limits = { soft: limitFor(soft), hard: limitFor(hard), period };
  const by = principalOf(options);
  const asked = { scope, name, currency: counted, ...limits, by, reason };
  sayChanged(await perennial.setBudget(asked), options);
  if (!options.json) await sayStranger(perennial, scope, name);
}

const limitOf = (text: string): string => (text === 'none' ? text : readAs(amount)(text));
const limitFor = (text: string | undefined) => (text === 'none' ? null : text);

/** A budget may come before those it limits. One of a mistyped name would limit nobody, and nobody would know. */
async function sayStranger(perennial: Perennial, scope: BudgetScope, name: string): Promise<void> {
  const [model] = name.split('/');
  const models = await perennial.listModels();
  const known = models.some((each) =>
    scope === 'team' ? each.team === name : each.model === model,
  );
  const who = scope === 'team' ? `model of team '${name}'` : `model '${model}'`;
  if (!known) say(`There is no ${who} yet: is the name right?`);
}

async function extendBudget(
  scope: BudgetScope,
  name: string,
  options: BudgetOptions & { id?: string },
): Promise<void> {
  const { by, reason, id } = options;
  const asked = { scope, name, amount: by, by: principalOf(options), reason };
  const key = id === undefined ? {} : { idempotencyKey: id };
  sayChanged(await connect(options).extendBudget({ ...asked, ...key }), options);
}

/** The budget as it stands, what of it changed, and what came of the deliveries that waited for it. */
function sayChanged(changed: ChangedBudget, options: CommonOptions): void {
  if (options.json) return sayJson(changed);
  sayBudgets([changed]);
  say(changeSentence(changed));
  for (const { model, delivery } of changed.resumed)
    say(`${paint('bold', `${model} delivery ${delivery}`)} goes on`);
  for (const each of changed.waiting) sayAwaited(each);
}

function changeSentence({ before, ...after }: ChangedBudget): string {
  if (!before) return 'new: there was none';
  const words = (value: number | BudgetPeriod | null) =>
    typeof value === 'number' ? amountOf(value) : (value ?? 'none');
  const changes = (['period', 'soft', 'hard'] as const)
    .filter((key) => before[key] !== after[key])
    .map((key) => `${key} ${words(before[key])} → ${words(after[key])}`);
  return changes.length > 0 ? `changed: ${changes.join(', ')}` : 'nothing changed';
}

function sayBudgets(budgets: Awaited<ReturnType<ReturnType<typeof connect>['listBudgets']>>): void {
  const limit = (value: number | null) => (value === null ? null : amountOf(value));
  sayTable(
    ['scope', 'name', 'period', 'currency', 'spent', 'held', 'soft', 'hard'],
    budgets.map((each) => [
      each.scope,
      each.name,
      each.period,
      each.currency,
      amountOf(each.spent),
      amountOf(each.reserved),
      limit(each.soft),
      limit(each.hard),
    ]),
    'No budgets. Set one with `perennial budget set team NAME --hard AMOUNT`.',
  );
}
