import { access, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { PerennialError } from '../../client/index.js';
import { modelName } from '../../contracts/names.js';
import type { Guess } from '../../dataset/guess/guess.js';
import { principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { UsageError } from '../failure.js';
import { paint, say, sayJson } from '../output.js';
import { contractTemplate, specTemplate } from '../init/spec-template.js';

interface InitOptions extends CommonOptions {
  model?: string;
  force?: true;
  from?: string;
  label?: string;
  time?: string;
  entity?: string;
  without?: string;
}

/** `init`: writes a commented model.yaml and contract.yaml; from data also a trainer, and what the data says. */
export function addInitCommand(program: Command): void {
  program
    .command('init [folder]')
    .summary('write a commented model.yaml and contract.yaml')
    .description(
      'Writes a commented model.yaml and contract.yaml that `perennial check` accepts. With --from it guesses both from a CSV file and lays a small trainer beside them.',
    )
    .option('--from <file>', 'CSV file to guess the spec and the data contract from')
    .option(
      '--label <column>',
      'what is predicted: a column of 0/1 or true/false, or column=value (default: the only such column)',
    )
    .option('--time <column>', 'when a row happened (default: the column that holds dates)')
    .option('--entity <sql>', 'what a prediction is about (default: what tells the rows apart)')
    .option('--without <columns>', 'columns that are no features, parted by commas')
    .option('--model <name>', 'name of the model (default: the folder)')
    .option('--force', 'replace files that are there')
    .option('--json', 'print one JSON document')
    .option('--as <principal>', 'owner of the model (default: your user name)')
    .addHelpText(
      'after',
      examples(
        'perennial init',
        'perennial init churn --model churn',
        'perennial init rain --from weather.csv --label weather=rain --without precipitation',
      ),
    )
    .action(async (folder: string | undefined, options: InitOptions) => {
      const target = resolve(folder ?? '.');
      const model = nameOf(target, options.model);
      const guess = await guessOf(options);
      const files = guess
        ? await filesFromData(guess, target, model, options)
        : {
            'model.yaml': specTemplate(model, principalOf(options)),
            'contract.yaml': contractTemplate(model),
          };
      await writeFiles(target, files, options.force === true);
      const written = Object.keys(files).map((name) => join(folder ?? '.', name));
      if (options.json) return sayJson({ model, written, ...(guess ? { guess } : {}) });
      if (guess) sayGuess(guess);
      for (const name of written) say(`wrote ${name}`);
      const next = `perennial check ${join(folder ?? '.', 'model.yaml')}`;
      say(`Next: ${guess ? 'read' : 'describe your data in'} it, then ${paint('bold', next)}`);
    });
}

function nameOf(target: string, asked: string | undefined): string {
  const name = asked ?? nameFrom(basename(target));
  const parsed = modelName.safeParse(name);
  if (parsed.success) return name;
  throw new UsageError(`--model ${name}: ${parsed.error.issues[0]?.message}.`);
}

function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '');
  return name.slice(0, 48) || 'my-model';
}

async function guessOf({
  from,
  label,
  time,
  entity,
  without,
}: InitOptions): Promise<Guess | undefined> {
  const hints = { label, time, entity, without: without?.split(',').map((name) => name.trim()) };
  if (from === undefined) {
    const [alone] = Object.entries(hints).filter(([, value]) => value !== undefined);
    if (alone) throw new UsageError(`--${alone[0]} is about data: give --from FILE with it.`);
    return undefined;
  }
  // Loaded here alone: the other commands need no DuckDB.
  const { guessFromCsv } = await import('../../dataset/guess/from-csv.js');
  return guessFromCsv(resolve(from), hints);
}

const starter = fileURLToPath(new URL('../../trainers/starter', import.meta.url));

async function filesFromData(
  guess: Guess,
  target: string,
  model: string,
  options: InitOptions,
): Promise<Record<string, string>> {
  const { guessedContract } = await import('../init/guessed-contract.js');
  const { guessedSpec } = await import('../init/guessed-spec.js');
  const source = relative(target, resolve(options.from ?? ''));
  const names = (await readdir(starter)).filter((name) => name.endsWith('.py'));
  const trainer = await Promise.all(
    names.map(async (name) => [`trainer/${name}`, await readFile(join(starter, name), 'utf8')]),
  );
  return {
    'model.yaml': guessedSpec(guess, { model, owner: principalOf(options), source }),
    'contract.yaml': guessedContract(guess, model),
    ...(Object.fromEntries(trainer) as Record<string, string>),
  };
}

/** All of them or none: one that is there stops it before anything is written. */
async function writeFiles(
  target: string,
  files: Record<string, string>,
  force: boolean,
): Promise<void> {
  const paths = Object.entries(files).map(([name, text]) => ({ path: join(target, name), text }));
  for (const { path } of force ? [] : paths) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there)
      throw new PerennialError('INPUT_INVALID', `${path} is there already; --force replaces it.`);
  }
  for (const { path, text } of paths) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

function sayGuess({
  rows,
  rejected,
  file,
  label,
  timeColumn,
  entity,
  features,
  leftOut,
}: Guess): void {
  const share = `${(label.share * 100).toFixed(1)} % of ${rows} rows`;
  const unread = rejected > 0 ? `; ${rejected} lines do not fit its header` : '';
  say(`${file}: ${rows} rows${unread}`);
  say(`  label     ${label.expression} (${share})`);
  say(`  time      ${timeColumn}`);
  say(`  entity    ${entity.expression} (${entity.why})`);
  say(`  features  ${features.map(({ name, type }) => `${name} ${type}`).join(', ')}`);
  if (leftOut.length > 0)
    say(`  left out  ${leftOut.map(({ name, why }) => `${name} (${why})`).join(', ')}`);
}
