import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { PerennialError, readSpecFile } from '../../client/index.js';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { paint, say, sayJson } from '../output.js';
import { contractTemplate, specTemplate } from '../spec-template.js';

/** `init`: writes a commented model.yaml and contract.yaml. */
export function addInitCommand(program: Command): void {
  program
    .command('init [folder]')
    .summary('write a commented model.yaml and contract.yaml')
    .description('Writes a commented model.yaml and contract.yaml that `perennial check` accepts.')
    .option('--model <name>', 'name of the model (default: the folder)')
    .option('--force', 'replace files that are there')
    .option('--json', 'print one JSON document')
    .option('--as <principal>', 'owner of the model (default: your user name)')
    .addHelpText('after', examples('perennial init', 'perennial init churn --model churn'))
    .action(async (folder: string | undefined, options: InitOptions) => {
      const target = resolve(folder ?? '.');
      const model = options.model ?? nameFrom(basename(target));
      await mkdir(target, { recursive: true });
      const files = {
        'model.yaml': specTemplate(model, principalOf(options)),
        'contract.yaml': contractTemplate(model),
      };
      for (const [name, text] of Object.entries(files))
        await writeNew(join(target, name), text, options.force === true);
      const written = Object.keys(files).map((name) => join(folder ?? '.', name));
      if (options.json) return sayJson({ model, written });
      for (const name of written) say(`wrote ${name}`);
      say(`Next: describe your data in it, then ${paint('bold', `perennial check ${written[0]}`)}`);
    });
}

interface InitOptions extends CommonOptions {
  model?: string;
  force?: true;
}

async function writeNew(path: string, text: string, force: boolean): Promise<void> {
  await writeFile(path, text, { flag: force ? 'w' : 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      throw new PerennialError('INPUT_INVALID', `${path} is there already; --force replaces it.`);
    },
  );
}

function nameFrom(folder: string): string {
  const name = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '');
  return name.slice(0, 48) || 'my-model';
}

/** `check`: validates without a server. */
export function addCheckCommand(program: Command): void {
  program
    .command('check [file]')
    .summary('check model.yaml and its data contract, without a server')
    .description(
      'Checks model.yaml and the data contract it names, without a server. Lists every problem with line and column.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples('perennial check', 'perennial check churn/model.yaml --json'))
    .action(async (file: string | undefined, { json }: CommonOptions) => {
      const path = file ?? 'model.yaml';
      const { spec, contract } = await readSpecFile(path);
      if (json) return sayJson({ ok: true, spec, contract });
      say(
        `${path} is valid: model ${paint('bold', spec.model)}, ${spec.data.features.length} features, ${contract.schema[0]?.properties.length ?? 0} columns under contract`,
      );
    });
}

/** `apply`: registers a spec. */
export function addApplyCommand(program: Command): void {
  addActingOptions(
    program
      .command('apply [file]')
      .summary('register a spec and make it the current one')
      .description(
        'Registers model.yaml with its data contract and makes it the current spec of its model. The same spec twice changes nothing.',
      ),
  )
    .addHelpText('after', examples('perennial apply model.yaml'))
    .action(async (file: string | undefined, options: CommonOptions) => {
      const path = file ?? 'model.yaml';
      const applied = await connect(options).applyFile(path, { by: principalOf(options) });
      if (options.json) return sayJson(applied);
      const what = applied.created ? 'registered' : 'unchanged';
      say(`${paint('bold', applied.model)} ${what}, spec ${applied.digest.slice(0, 12)}`);
    });
}
