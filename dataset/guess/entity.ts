import { typedColumn, type ColumnProfile, type FileProfile } from './column-profile.js';
import type { Guess } from './guess.js';

/** More text columns than this beside the event time name nothing that a person would recognize. */
const mostParts = 3;

/** A column without a repetition, one that is called an id, else the event time with as few text columns as tell the rows apart. */
export async function guessEntity(
  { columns, rows, distinctOf }: FileProfile,
  asked: string | undefined,
  notThese: [time: string, label: string],
): Promise<Guess['entity']> {
  if (asked !== undefined) {
    const column = columns.find(({ name }) => name === asked);
    return { expression: column?.sql ?? asked, column: column?.name ?? null, why: 'as you said' };
  }
  const others = columns.filter(({ name }) => !notThese.includes(name));
  const unique = others.find(
    ({ type, distinct }) => distinct === rows && (type === 'string' || type === 'integer'),
  );
  if (unique) return alone(unique, 'another value in every row');
  const named = others.find(({ name }) => /(^|_)(id|key|uuid)$/i.test(name));
  if (named) return alone(named, 'going by its name');

  const parts = columns.filter(({ name }) => name === notThese[0]);
  const texts = others.filter(({ type }) => type === 'string').slice(0, mostParts);
  for (const next of [...texts, null]) {
    if ((await distinctOf(parts)) === rows) return together(parts, 'another value in every row');
    if (next) parts.push(next);
  }
  return together(parts, 'not another value in every row: is there a better name for a row?');
}

function alone(column: ColumnProfile, why: string): Guess['entity'] {
  return { expression: typedColumn(column), column: column.name, why };
}

function together(parts: ColumnProfile[], why: string): Guess['entity'] {
  const [first] = parts;
  const list = parts.map(({ sql }) => sql).join(', ');
  return {
    expression: parts.length === 1 && first ? first.sql : `concat_ws('/', ${list})`,
    column: null,
    why,
  };
}
