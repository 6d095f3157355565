import type { Command } from 'commander';
import type { ModelMetadata } from '../../client/index.js';
import { nearestWord } from '../../client/nearest-word.js';
import { connectGateway } from '../connection.js';
import { examples } from '../examples.js';
import { UsageError } from '../failure.js';
import { number, paint, say, sayJson } from '../output.js';

interface PredictOptions {
  json?: true;
  gateway?: string;
  entity?: string;
}

/** `predict`: asks the gateway as an application would. */
export function addPredictCommand(program: Command): void {
  program
    .command('predict <model> [features...]')
    .summary('ask the gateway for one prediction')
    .description(
      'Asks the gateway for one prediction, features given as name=value; one left out is missing. The answer counts like any other.',
    )
    .option('--entity <key>', 'what the prediction is about')
    .option('--json', 'print one JSON document')
    .option('--gateway <url>', 'address of the gateway (default: the running stack)')
    .addHelpText('after', examples('perennial predict flight-delay distance=733 origin=ATL hour=8'))
    .action(async (model: string, features: string[], options: PredictOptions) => {
      const given = new Map(features.map(parseFeature));
      const gateway = connectGateway(options.gateway);
      const { inputs } = await gateway.metadata(model);
      const row = rowOf(inputs, given);
      const { entity } = options;
      const answer = await gateway.infer(model, row, entity === undefined ? {} : { entity });
      if (options.json) return sayJson(answer);
      const [probability] = answer.probabilities;
      say(
        `${paint('bold', `${model} v${answer.version}`)}: ${number(probability)}   (id ${answer.ids[0]})`,
      );
    });
}

function parseFeature(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1) throw new UsageError(`'${text}' is not name=value.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function rowOf(
  inputs: ModelMetadata['inputs'],
  given: Map<string, string>,
): Record<string, number | string> {
  const names = inputs.map(({ name }) => name);
  for (const name of given.keys()) {
    if (names.includes(name)) continue;
    const near = nearestWord(name, names);
    throw new UsageError(
      `The model has no feature '${name}'${near ? `; did you mean ${near}` : ''}? It has ${names.join(', ')}.`,
    );
  }
  return Object.fromEntries(
    inputs.map(({ name, datatype }) => {
      const value = given.get(name) ?? '';
      if (datatype === 'BYTES') return [name, value];
      const asNumber = value === '' ? Number.NaN : Number(value);
      if (value !== '' && Number.isNaN(asNumber))
        throw new UsageError(`${name} is '${value}', which is not a number.`);
      return [name, asNumber];
    }),
  );
}
