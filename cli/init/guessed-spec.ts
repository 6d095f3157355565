import type { Guess } from '../../dataset/guess/guess.js';
import { percent } from '../../dataset/guess/features.js';
import { remark, scalar } from './yaml-text.js';

const holdout = 0.2;
/** Fewer hold-out rows than this say little about a model; a smaller file gets what it has. */
const usualMinimum = 500;
/** Slices of more values would each be too small. */
const mostSliceValues = 10;

/** model.yaml for a CSV file, each guess with its reason beside it. */
export function guessedSpec(
  guess: Guess,
  { model, owner, source }: { model: string; owner: string; source: string },
): string {
  const { file, rows, timeColumn, entity, label, features, leftOut } = guess;
  const minimumRows = Math.max(1, Math.min(usualMinimum, Math.floor(rows * holdout * 0.9)));
  const slices = slicesOf(guess);
  return `# Guessed from ${remark(file)} (${rows} rows). \`perennial check model.yaml\` checks it without a server, \`perennial apply model.yaml\`
# registers it. docs/spec.md describes every key; what is left out takes its default.
apiVersion: perennial/v1
model: ${model}
team: my-team
owner: ${owner}            # who answers for it: an id, never a name or an address
description: What is predicted, for whom, and what a wrong answer costs.

data:
  source:
    format: csv
    path: ${scalar(source)}   # relative to this file; a glob reads many files
    timeColumn: ${scalar(timeColumn)}
  entity: ${scalar(entity.expression)}   # ${entity.why}
  features:                # only what is known when a prediction is asked for
${[...features.map(featureLine), ...leftOut.map(leftOutLine)].join('\n')}
  label:
    expression: ${scalar(label.expression)}   # true in ${percent(label.share)} of the rows
  holdout: ${holdout}             # the newest fifth is kept from the trainer and judged on
  contract: contract.yaml

training:
  trainer: ./trainer       # logistic regression in twenty lines; \`tabular\` is gradient-boosted trees
  parameters: { l2: 1 }
  seed: 1

evaluation:
  primary: roc_auc         # the challenger may not be worse than the champion on this …
  margin: 0.02             # … by more than this, with confidence
  bars:
    roc_auc: { atLeast: 0.6 }      # holds with or without a champion
${slices.length > 0 ? `  slices: [${slices.join(', ')}]     # judged one by one\n` : ''}  minimumRows: ${minimumRows}         # fewer are inconclusive, never a pass

approval:
  approvers: []            # empty: any principal but the one who asked
  expireAfter: 90d

release:
  steps: [0.05, 0.25]      # shares of traffic for a new version, one after the other; a first version has nobody to be compared with

monitoring:
  every: 1h
  retrain:
    performanceMargin: 0.02
    cooldown: 1d
    maximumPerMonth: 4
`;
}

function featureLine({ name, type, expression, why }: Guess['features'][number]): string {
  if (expression === undefined) return `    - { name: ${scalar(name)}, type: ${type} }   # ${why}`;
  return `    - name: ${scalar(name)}   # ${why}\n      type: ${type}\n      expression: ${scalar(expression)}`;
}

function leftOutLine({ name, why }: Guess['leftOut'][number]): string {
  return `    # ${remark(name)}: left out, ${why}`;
}

/** Category features of few values, the first two. */
function slicesOf({ features, columns }: Guess): string[] {
  return features
    .filter(({ type, column }) => {
      const distinct = columns.find(({ name }) => name === column)?.distinct ?? 0;
      return type === 'category' && distinct >= 2 && distinct <= mostSliceValues;
    })
    .slice(0, 2)
    .map(({ name }) => scalar(name));
}
