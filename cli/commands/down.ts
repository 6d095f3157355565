import { join } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../../runtime/config.js';
import { listRunningTrainings } from '../../training/process/running.js';
import { examples } from '../examples.js';
import { say, sayJson } from '../output.js';
import { stopStack } from '../stack/predecessor.js';

/** `down`: stops what `up` runs, or what a killed `up` left behind. */
export function addDownCommand(program: Command): void {
  program
    .command('down')
    .summary('stop what `perennial up` runs')
    .description(
      'Stops what `perennial up` runs from this PERENNIAL_HOME, also what a killed one left behind. Data stays, and trainers go on. Harmless when nothing runs.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('perennial down'))
    .action(async ({ json }: { json?: true }) => {
      const { home } = loadConfig();
      const stopped = await stopStack(home);
      const training = await listRunningTrainings(join(home, 'jobs'));
      if (json) return sayJson({ home, stopped, training });
      say(stopped.length === 0 ? `Nothing runs from ${home}.` : `Stopped ${stopped.join(', ')}.`);
      if (training.length > 0)
        say(
          `Still training: ${training.join(', ')}. Trainers go on by themselves, and \`perennial up\` watches them again; \`perennial cancel MODEL\` before \`down\` ends one.`,
        );
    });
}
