import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PerennialError } from '../contracts/errors.js';
import {
  parameterValues,
  type Direction,
  type ParameterValues,
  type SearchSpace,
  type TrialState,
} from '../contracts/search.js';

const command = fileURLToPath(new URL('../trainers/search/suggest.py', import.meta.url));
/** Milliseconds. It takes a second; a machine that swaps may need many. */
const patience = 60_000;

/** A trial as the study is built from: in the order in which they were asked for. */
export interface KnownTrial {
  state: TrialState;
  parameters: ParameterValues;
  value: number | null;
  step: number | null;
}

export interface Study {
  space: SearchSpace;
  direction: Direction;
  seed: number;
  /** Of the trial that is asked for. */
  number: number;
  /** Trials that were asked for before it. */
  known: KnownTrial[];
}

export type Suggest = (study: Study, signal?: AbortSignal) => Promise<ParameterValues>;

/**
 * Parameters of the next trial by Optuna, in a process of its own: the study is built anew from what was asked and told, so the same study
 * gives the same answer. Throws SUGGESTION_FAILED with the command's last words.
 */
export function createSuggest(python: string): Suggest {
  const ask = (study: Study, signal?: AbortSignal) =>
    new Promise<string>((resolve, reject) => {
      const child = execFile(
        python,
        // Isolated: neither the folder it is started in nor a person's own packages have a say.
        ['-I', '-W', 'ignore', command],
        { signal, timeout: patience, killSignal: 'SIGKILL' },
        (error, stdout, stderr) => {
          if (error) reject(signal?.aborted ? error : failed(stderr, error));
          else resolve(stdout);
        },
      );
      // One that ended early says why on stderr.
      child.stdin?.on('error', () => {});
      child.stdin?.end(JSON.stringify(study));
    });
  return async (study, signal) => parameterValues.parse(JSON.parse(await ask(study, signal)));
}

function failed(stderr: string, cause: Error): PerennialError {
  const said = stderr.trim().split('\n').at(-1) || cause.message;
  return new PerennialError(
    'SUGGESTION_FAILED',
    `No next trial could be suggested: ${said.slice(0, 500)}`,
    {},
    { cause },
  );
}
