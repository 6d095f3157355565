import type { Command } from 'commander';
import { loadConfig } from '../../runtime/config.js';
import { stopOnSignal } from '../../runtime/shutdown.js';
import { examples } from '../examples.js';
import { paint, say } from '../output.js';
import type { ReadyPart } from '../stack/running-parts.js';

/** `up`: runs everything in the foreground until Ctrl-C. */
export function addUpCommand(program: Command): void {
  program
    .command('up')
    .summary('run everything on this machine until Ctrl-C')
    .description(
      'Runs PostgreSQL, Temporal with its UI, the workers, the control API and the gateway, on loopback, with all data in PERENNIAL_HOME (.perennial). DATABASE_URL, TEMPORAL_ADDRESS and PERENNIAL_ARTIFACTS replace each part. Ctrl-C stops all of it in order.',
    )
    .option('--json', 'print one JSON document a line')
    .addHelpText('after', examples('perennial up', 'PERENNIAL_HOME=~/models perennial up'))
    .action(async ({ json }: { json?: true }) => {
      // Loaded here alone: the other commands start a second sooner without the engines.
      const { startStack } = await import('../stack/stack.js');
      const config = loadConfig();
      const began = Date.now();
      const tell = json ? sayEvent : sayPart;
      const starting = startStack({
        config,
        onPart: tell,
        onNotice: (part, sentence) =>
          json ? sayEvent({ part, notice: sentence }) : say(`${part.padEnd(12)} ${sentence}`),
      });
      const stopped = stopOnSignal(async () => {
        const stack = await starting;
        if (!json) say('Stopping …');
        await stack.stop();
        if (!json) say('All stopped.');
      });
      const { apiUrl, gatewayUrl, temporalUi } = await starting;
      const milliseconds = Date.now() - began;
      if (json) sayEvent({ up: true, apiUrl, gatewayUrl, temporalUi, milliseconds });
      else
        say(
          `${paint('bold', 'Perennial is up')} after ${(milliseconds / 1_000).toFixed(1)} s. Ctrl-C stops it; its data lies in ${config.home}`,
        );
      await stopped;
    });
}

function sayPart({ name, address, milliseconds, origin }: ReadyPart): void {
  const how = {
    started: `ready in ${milliseconds} ms`,
    adopted: 'adopted: it was still running',
    given: '',
  }[origin];
  say(`${name.padEnd(12)} ${address.padEnd(24)} ${paint('dim', how)}`.trimEnd());
}

function sayEvent(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
