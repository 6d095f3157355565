import type { Command } from 'commander';
import { loadConfig } from '../../runtime/config.js';
import { examples } from '../examples.js';
import { say, sayJson } from '../output.js';
import { stopStack } from '../stack/predecessor.js';

/** `down`: stops what `up` runs, or what a killed `up` left behind. */
export function addDownCommand(program: Command): void {
  program
    .command('down')
    .summary('stop what `perennial up` runs')
    .description(
      'Stops what `perennial up` runs from this PERENNIAL_HOME, also what a killed one left behind. Data stays. Harmless when nothing runs.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('perennial down'))
    .action(async ({ json }: { json?: true }) => {
      const { home } = loadConfig();
      const stopped = await stopStack(home);
      if (json) return sayJson({ home, stopped });
      say(stopped.length === 0 ? `Nothing runs from ${home}.` : `Stopped ${stopped.join(', ')}.`);
    });
}
