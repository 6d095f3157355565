import { Option, type Command } from 'commander';
import { ifRunning, type IfRunning } from '../../contracts/delivery.js';
import type { Perennial } from '../../client/index.js';
import {
  addActingOptions,
  addCommonOptions,
  connect,
  principalOf,
  type CommonOptions,
} from '../connection.js';
import { examples } from '../examples.js';
import { exitCodes, UsageError } from '../failure.js';
import { paint, say, sayJson } from '../output.js';
import { asksAPerson, followDelivery, type Looks } from '../watch/progress.js';
import { usualSeconds } from '../watch/stage-bar.js';
import { wholeNumber } from '../values.js';

interface DeliverOptions extends CommonOptions {
  wait?: true;
  untilAsked?: true;
  ifRunning: IfRunning;
  reason?: string;
  from?: string;
  to?: string;
}

/** `deliver`: runs the loop once. */
export function addDeliverCommand(program: Command): void {
  addActingOptions(
    program
      .command('deliver <model>')
      .summary('start a delivery: ingest, validate, train, evaluate, approve, release')
      .description(
        'Starts a delivery of the model. With --wait it follows it to its end; the exit code then tells whether the version was promoted.',
      ),
  )
    .option('--wait', 'follow the delivery to its outcome')
    .option('--until-asked', 'with --wait: stop following where a person has to decide')
    .addOption(
      new Option('--if-running <what>', 'when one is running')
        .choices(ifRunning.options)
        .default('join'),
    )
    .option('--reason <text>', 'why, kept with the delivery')
    .option('--from <instant>', 'train on rows from here on (ISO 8601)')
    .option('--to <instant>', 'and before here')
    .addHelpText(
      'after',
      examples(
        'perennial deliver flight-delay --wait',
        'perennial deliver flight-delay --if-running supersede --reason "new airports"',
        'perennial deliver flight-delay --from 2001-01-01T00:00:00Z --to 2001-02-01T00:00:00Z',
      ),
    )
    .action(async (model: string, options: DeliverOptions) => {
      if (options.untilAsked && !options.wait)
        throw new UsageError('Give --until-asked with --wait.');
      const perennial = connect(options);
      const window = windowOf(options);
      const started = await perennial.startDelivery({
        model,
        requestedBy: principalOf(options),
        ifRunning: options.ifRunning,
        ...(options.reason === undefined ? {} : { reason: options.reason }),
        ...(window === undefined ? {} : { window }),
      });
      if (options.wait) return follow(perennial, model, { runId: started.runId }, options);
      if (options.json) return sayJson(started);
      say(
        `${paint('bold', model)}: ${started.joined ? 'joined the running delivery' : 'delivery started'} (${started.workflowId})`,
      );
      say(`Follow it with: perennial watch ${model}`);
    });
}

function windowOf({ from, to }: DeliverOptions): { from: string; to: string } | undefined {
  if (from === undefined && to === undefined) return undefined;
  if (from === undefined || to === undefined)
    throw new UsageError('Give --from and --to together.');
  return { from, to };
}

interface WatchOptions extends CommonOptions {
  delivery?: number;
  untilAsked?: true;
}

/** `watch`: follows a delivery. */
export function addWatchCommand(program: Command): void {
  addCommonOptions(
    program
      .command('watch <model>')
      .summary('follow a delivery to its outcome')
      .description(
        'Follows the newest delivery of the model, or the one given by number, to its outcome. In a terminal it shows how long each stage usually takes, and while it trains the loss curve and the GPUs. Exits 0 when it was promoted, 1 when not; with --until-asked also 0 where a person has to decide.',
      ),
  )
    .option('--delivery <number>', 'another than the newest', wholeNumber)
    .option('--until-asked', 'stop following where a person has to decide')
    .addHelpText(
      'after',
      examples('perennial watch flight-delay', 'perennial watch flight-delay --until-asked'),
    )
    .action(async (model: string, options: WatchOptions) => {
      const perennial = connect(options);
      const number = options.delivery ?? (await newestDelivery(perennial, model));
      return follow(perennial, model, { number }, options);
    });
}

async function follow(
  perennial: Perennial,
  model: string,
  which: { number: number } | { runId: string },
  { json, untilAsked }: WatchOptions,
): Promise<void> {
  const last = await followDelivery(perennial.watch(model, which), {
    quiet: json === true,
    untilAsked: untilAsked === true,
    looks: looksOf(perennial),
  });
  if (json) sayJson(last);
  const asked = untilAsked === true && last !== null && asksAPerson(last);
  if (!asked && last?.delivery.outcome !== 'promoted') process.exitCode = exitCodes.failed;
}

function looksOf(perennial: Perennial): Looks {
  return {
    usual: async (name) => usualSeconds(await perennial.listDeliveries(name, { limit: 20 })),
    attempt: async (name, delivery) =>
      (await perennial.showTraining(name, delivery)).attempts.at(-1) ?? null,
  };
}

/** Number of a model's newest delivery. */
export async function newestDelivery(perennial: Perennial, model: string): Promise<number> {
  const [newest] = await perennial.listDeliveries(model, { limit: 1 });
  if (newest) return newest.number;
  throw new UsageError(
    `'${model}' has had no delivery yet; start one with \`perennial deliver ${model}\`.`,
  );
}
