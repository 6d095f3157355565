import type { Command } from 'commander';
import { PerennialError, type Perennial } from '../../client/index.js';
import type { DeliveryView } from '../../contracts/delivery.js';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { exitCodes } from '../failure.js';
import { paint, paintVerdict, say, sayJson } from '../output.js';
import { newestDelivery } from './delivery.js';

/** A trainer has twenty seconds to write its checkpoint, and what was begun is undone; milliseconds. */
const patience = 60_000;

/** `cancel`: ends the running delivery, whatever it is at. */
export function addCancelCommand(program: Command): void {
  addActingOptions(
    program
      .command('cancel <model>')
      .summary('end the running delivery, whatever it is at')
      .description(
        'Ends the running delivery of the model at whatever stage it is, and waits for its end: its trainer gets SIGTERM and 20 seconds for a checkpoint, a canary gives its traffic back. The champion stays.',
      ),
  )
    .requiredOption('--reason <text>', 'why, kept with the delivery')
    .addHelpText('after', examples('perennial cancel flight-delay --reason "wrong parameters"'))
    .action(async (model: string, options: CommonOptions & { reason: string }) => {
      const perennial = connect(options);
      const running = await runningDelivery(perennial, model);
      await askToEnd(perennial, running, { by: principalOf(options), reason: options.reason });
      const { delivery } = await endOf(perennial, running);
      if (delivery.outcome === null) process.exitCode = exitCodes.failed;
      if (options.json) return sayJson(delivery);
      say(`${paint('bold', model)} delivery ${delivery.number} ${toldOf(delivery)}`);
    });
}

/** Throws DELIVERY_NOT_FOUND where there is nothing to cancel, so that one asked for again harms nothing. */
async function runningDelivery(perennial: Perennial, model: string): Promise<DeliveryView> {
  const { delivery } = await perennial.showDelivery(model, await newestDelivery(perennial, model));
  if (delivery.outcome === null) return delivery;
  throw new PerennialError(
    'DELIVERY_NOT_FOUND',
    `No delivery of '${model}' is running; the newest, ${delivery.number}, ended as ${delivery.outcome}.`,
  );
}

async function askToEnd(
  perennial: Perennial,
  { model, number }: DeliveryView,
  asked: { by: string; reason: string },
): Promise<void> {
  await perennial.cancelDelivery(model, asked).catch((error: unknown) => {
    const nobody = error instanceof PerennialError && error.code === 'APPROVAL_NOT_OPEN';
    if (!nobody) throw error;
    throw new PerennialError(
      'DELIVERY_NOT_FOUND',
      `No workflow looks after delivery ${number} of '${model}' any more: the janitor or the next delivery closes it.`,
    );
  });
}

/** The delivery with its outcome, or as it stands when patience ends. */
async function endOf(perennial: Perennial, running: DeliveryView) {
  const { model, number } = running;
  const signal = AbortSignal.timeout(patience);
  try {
    for await (const detail of perennial.watch(model, { number, signal }))
      if (detail.delivery.outcome !== null) return detail;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return perennial.showDelivery(model, number);
}

function toldOf({ model, outcome, explanation }: DeliveryView): string {
  if (outcome !== null) return `${paintVerdict(outcome)}: ${explanation}`;
  return `is still ending; follow it with: perennial watch ${model}`;
}
