import { preparedColumns } from '../../contracts/dataset.js';
import { isLegal, isNumeric, typedColumn, type ColumnProfile } from './column-profile.js';
import type { Guess } from './guess.js';

/** Categories a model can learn something about: at most this many, and not nearly one a row. */
const mostCategories = 1_000;

/** A feature for each column that may say something, and why the others do not. */
export function guessFeatures(
  columns: ColumnProfile[],
  without: string[],
): Pick<Guess, 'features' | 'leftOut'> {
  const features: Guess['features'] = [];
  const leftOut: Guess['leftOut'] = [];
  const taken = new Set<string>(Object.values(preparedColumns));
  for (const column of columns) {
    const why = without.includes(column.name) ? 'as you said' : uselessness(column);
    if (why !== null) {
      leftOut.push({ name: column.name, why });
      continue;
    }
    const name = featureName(column.name, taken);
    taken.add(name.toLowerCase());
    const expression =
      column.type === 'boolean' ? `${typedColumn(column)}::INTEGER` : typedColumn(column);
    features.push({
      name,
      type: column.type === 'string' ? 'category' : 'number',
      ...(expression === name ? {} : { expression }),
      column: column.name,
      why: describe(column),
    });
  }
  return { features, leftOut };
}

function uselessness({ type, distinct, rows }: ColumnProfile): string | null {
  if (distinct < 2) return 'the same in every row';
  if (type === 'date' || type === 'timestamp') return 'a time: compute numbers from it';
  if (type === 'string' && distinct > Math.min(mostCategories, rows / 5))
    return `text with ${distinct} different values`;
  return null;
}

function describe(column: ColumnProfile): string {
  const { type, distinct, minimum, maximum, nulls, rows } = column;
  const missing = nulls > 0 ? `, ${percent(nulls / rows)} missing` : '';
  if (isNumeric(column)) return `${minimum} to ${maximum}${missing}`;
  return type === 'boolean' ? `true or false${missing}` : `${distinct} values${missing}`;
}

/** A name that is legal as an input of the model and not taken. */
function featureName(name: string, taken: Set<string>): string {
  const legal = isLegal(name)
    ? name
    : name
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, '_')
        .replace(/^(?=[0-9]|$)/, '_')
        .slice(0, 50);
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? legal : `${legal}_${number}`;
    if (!taken.has(candidate.toLowerCase())) return candidate;
  }
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}
