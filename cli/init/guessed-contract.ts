import { isLegal, isNumeric, type ColumnProfile } from '../../dataset/guess/column-profile.js';
import type { Guess } from '../../dataset/guess/guess.js';
import { remark, scalar } from './yaml-text.js';

/** A text column is held to the values seen where each was seen this often on average. */
const rowsAValue = 20;

/** contract.yaml for a CSV file: what its rows keep today, with slack where tomorrow's may differ. */
export function guessedContract(guess: Guess, model: string): string {
  const { file, rows, columns } = guess;
  const nameless = columns.filter(({ name }) => !isLegal(name)).map(({ name }) => name);
  const properties = columns
    .filter(({ name }) => isLegal(name))
    .flatMap((column) => property(column, guess));
  return `# Guessed from ${remark(file)}: what its ${rows} rows keep, in the Open Data Contract Standard (docs/data-contract.md). Make it a promise: what
# would you want to be told about? Rows that break a rule of severity \`error\` go to quarantine.
${nameless.length > 0 ? `# Not under contract, since a contract cannot name them: ${remark(nameless.join(', '))}.\n` : ''}kind: DataContract
apiVersion: v3.1.0
id: ${model}-data
version: 1.0.0
status: active
schema:
  - name: rows
    properties:
${properties.map((line) => `      ${line}`).join('\n')}
    quality:
      - metric: rowCount   # half of what there is today
        mustBeGreaterOrEqualTo: ${Math.ceil(rows / 2)}
# slaProperties:           # for data that keeps coming: how old the newest row may be
#   - { property: freshness, value: 2, unit: d, element: ${scalar(guess.timeColumn)} }
customProperties:
  - { property: maximumQuarantineShare, value: 0.01 }
`;
}

function property(column: ColumnProfile, { entity, label, timeColumn }: Guess): string[] {
  const { name, type, rows, nulls, distinct, values } = column;
  const isKey = entity.column === name && distinct === rows;
  return [
    `- name: ${scalar(name)}`,
    `  logicalType: ${type}`,
    ...(isKey ? ['  primaryKey: true   # in every row, and another in each'] : []),
    ...(nulls === 0 && !isKey ? ['  required: true'] : []),
    ...(isNumeric(column) ? [rangeLine(column, label.column === name)] : []),
    ...qualityLines([
      ...(nulls > 0 && name !== timeColumn
        ? [
            '- metric: nullValues',
            '  unit: percent',
            `  mustBeLessOrEqualTo: ${Math.min(100, Math.ceil((nulls / rows) * 150))}   # ${nulls} of ${rows} today`,
          ]
        : []),
      ...(type === 'string' && !isKey && values.length > 0 && rows >= rowsAValue * distinct
        ? [
            '- metric: invalidValues',
            `  arguments: { validValues: [${values.map((each) => JSON.stringify(each.value)).join(', ')}] }`,
            '  mustBe: 0',
          ]
        : []),
    ]),
  ];
}

function qualityLines(rules: string[]): string[] {
  return rules.length === 0 ? [] : ['  quality:', ...rules.map((line) => `    ${line}`)];
}

/** Half the spread on either side, but not across zero where no value is; a label of 0 and 1 has none. */
function rangeLine({ minimum, maximum, type }: ColumnProfile, isLabel: boolean): string {
  const low = minimum ?? 0;
  const high = maximum ?? 0;
  const slack = isLabel ? 0 : Math.max((high - low) / 2, Number.EPSILON);
  const whole = (value: number, round: (value: number) => number): number => {
    if (isLabel) return value;
    const unit = type === 'integer' ? 1 : 10 ** Math.floor(Math.log10(slack) - 1);
    const rounded = round(value / unit) * unit;
    return Number(rounded.toPrecision(12));
  };
  const bottom =
    low >= 0 ? Math.max(0, whole(low - slack, Math.floor)) : whole(low - slack, Math.floor);
  const top =
    high <= 0 ? Math.min(0, whole(high + slack, Math.ceil)) : whole(high + slack, Math.ceil);
  const seen = isLabel ? '' : `   # ${low} to ${high} seen`;
  return `  logicalTypeOptions: { minimum: ${bottom}, maximum: ${top} }${seen}`;
}
