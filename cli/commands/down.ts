import type { Command } from 'commander';
import { loadConfig } from '../../runtime/config.js';
import { isRunning, stopProcess } from '../../runtime/process-identity.js';
import { examples } from '../examples.js';
import { say, sayJson } from '../output.js';
import { endParts } from '../predecessor.js';
import { readStackNotes, removeStackNotes } from '../stack-notes.js';

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

/** Asks the supervisor to stop everything; whatever runs without one is stopped directly. Answers the names of what ran. */
async function stopStack(home: string): Promise<string[]> {
  const notes = await readStackNotes(home);
  if (!notes) return [];
  const { supervisor, parts } = notes;
  const supervised = await isRunning(supervisor);
  if (supervised) await stopProcess(supervisor, { patience: 60_000 });
  const ended = await endParts(parts);
  await removeStackNotes(home);
  return supervised ? parts.filter(({ pid }) => pid !== undefined).map(({ name }) => name) : ended;
}
