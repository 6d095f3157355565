import { PerennialError } from '../../contracts/errors.js';
import { literal } from '../duckdb.js';
import {
  columnNamed,
  fewValues,
  isNumeric,
  namesOf,
  typedColumn,
  type ColumnProfile,
  type FileProfile,
} from './column-profile.js';
import type { Guess } from './guess.js';

/** The label asked for, else the one column of 0/1 or true/false. Throws INPUT_INVALID with the candidates. */
export function guessLabel(
  profile: FileProfile,
  asked: string | undefined,
  time: ColumnProfile,
): Guess['label'] {
  if (asked !== undefined) return labelAsked(profile, asked);
  const others = profile.columns.filter((column) => column !== time);
  const candidates = others.filter(isYesNo);
  const [only, second] = candidates;
  if (only && !second) return yesNoLabel(only);
  throw new PerennialError(
    'INPUT_INVALID',
    only
      ? `${profile.file} has several columns of 0/1 or true/false: name the label with --label, one of ${namesOf(candidates)}.`
      : `No column of ${profile.file} is 0/1 or true/false: name the label with --label COLUMN=VALUE${suggestions(others)}.`,
  );
}

function labelAsked(profile: FileProfile, asked: string): Guess['label'] {
  const [name = '', ...rest] = asked.split('=');
  const column = columnNamed(profile, name, '--label');
  if (rest.length > 0) return labelOfValue(column, rest.join('='));
  if (isYesNo(column)) return yesNoLabel(column);
  throw new PerennialError(
    'INPUT_INVALID',
    `--label ${asked} is neither 0/1 nor true/false: say which value is predicted${suggestions([column])}.`,
  );
}

function labelOfValue(column: ColumnProfile, value: string): Guess['label'] {
  const { name, distinct, values, rows } = column;
  const found = values.find((each) => each.value === value);
  if (!found || distinct < 2)
    throw new PerennialError(
      'INPUT_INVALID',
      values.length > 0
        ? `--label ${name}=${value}: the values of ${name} are ${values.map((each) => each.value).join(', ')}.`
        : `--label ${name}=${value}: ${name} has ${distinct} different values; a label is one of at most ${fewValues}.`,
    );
  const written = isNumeric(column) || column.type === 'boolean' ? value : literal(value);
  return {
    expression: `${typedColumn(column)} = ${written}`,
    column: name,
    share: found.rows / rows,
  };
}

function yesNoLabel(column: ColumnProfile): Guess['label'] {
  const yes = column.values.find(({ value }) => /^(1|t|true|y|yes)$/i.test(value));
  return {
    expression: column.type === 'boolean' ? typedColumn(column) : `${typedColumn(column)} = 1`,
    column: column.name,
    share: (yes?.rows ?? 0) / column.rows,
  };
}

function isYesNo({ type, distinct, minimum, maximum }: ColumnProfile): boolean {
  if (distinct !== 2) return false;
  return type === 'boolean' || (type === 'integer' && minimum === 0 && maximum === 1);
}

/** What might be meant: columns of few values, each with its most frequent one. */
function suggestions(columns: ColumnProfile[]): string {
  const few = columns.filter(({ distinct, values }) => distinct >= 2 && values.length > 0);
  if (few.length === 0) return '';
  const examples = few
    .slice(0, 6)
    .map(({ name, values: [most] }) => `${name}=${most?.value} (${most?.rows} rows)`);
  return `, for example ${examples.join(', ')}`;
}
