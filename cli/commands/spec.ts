import type { Command } from 'commander';
import { readSpecFile } from '../../client/index.js';
import { addActingOptions, connect, principalOf, type CommonOptions } from '../connection.js';
import { examples } from '../examples.js';
import { paint, say, sayJson } from '../output.js';

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
        'Registers model.yaml with its data contract and makes it the current spec of its model. The same spec twice changes nothing; a retired model it takes back into service.',
      ),
  )
    .addHelpText('after', examples('perennial apply model.yaml'))
    .action(async (file: string | undefined, options: CommonOptions) => {
      const path = file ?? 'model.yaml';
      const applied = await connect(options).applyFile(path, { by: principalOf(options) });
      if (options.json) return sayJson(applied);
      const what = applied.created ? 'registered' : 'unchanged';
      const back = applied.backInService ? ', back in service' : '';
      say(`${paint('bold', applied.model)} ${what}, spec ${applied.digest.slice(0, 12)}${back}`);
    });
}
