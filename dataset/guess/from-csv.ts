import { PerennialError } from '../../contracts/errors.js';
import {
  columnNamed,
  isLegal,
  namesOf,
  withProfile,
  type ColumnProfile,
  type FileProfile,
} from './column-profile.js';
import type { Guess, GuessHints } from './guess.js';
import { guessEntity } from './entity.js';
import { guessFeatures } from './features.js';
import { guessLabel } from './label.js';

/**
 * Guesses from a CSV file how a model of it is asked for: event time, entity, label, features. Throws FILE_NOT_FOUND, SOURCE_UNREADABLE or
 * SOURCE_EMPTY for the file, INPUT_INVALID naming the candidates where it does not tell.
 */
export async function guessFromCsv(path: string, hints: GuessHints): Promise<Guess> {
  return withProfile(path, async (profile) => {
    const { file, rows, rejected, columns } = profile;
    const without = hints.without ?? [];
    for (const name of without) columnNamed(profile, name, '--without');
    const time = guessTime(profile, hints.time);
    const label = guessLabel(profile, hints.label, time);
    const entity = await guessEntity(profile, hints.entity, [time.name, label.column]);
    const { features, leftOut } = guessFeatures(
      columns.filter(({ name }) => ![time.name, label.column, entity.column].includes(name)),
      without,
    );
    if (features.length === 0)
      throw new PerennialError(
        'INPUT_INVALID',
        `${file} has no column left to predict ${label.column} from: ${leftOut.map(({ name, why }) => `${name} (${why})`).join(', ') || 'there are no others'}.`,
      );
    return {
      file,
      rows,
      rejected,
      timeColumn: time.name,
      entity,
      label,
      features,
      leftOut,
      columns,
    };
  });
}

function guessTime(profile: FileProfile, asked: string | undefined): ColumnProfile {
  const { file, columns } = profile;
  const times = columns.filter(({ type }) => type === 'date' || type === 'timestamp');
  const chosen =
    asked === undefined
      ? (times.filter(({ name }) => isLegal(name)).toSorted((a, b) => a.nulls - b.nulls)[0] ??
        times[0])
      : columnNamed(profile, asked, '--time');
  if (chosen && !times.includes(chosen))
    throw new PerennialError(
      'INPUT_INVALID',
      `--time ${chosen.name}: ${file} has values in it that are neither dates nor times like 2024-05-31 17:00.`,
    );
  if (!chosen)
    throw new PerennialError(
      'INPUT_INVALID',
      `No column of ${file} holds dates or times like 2024-05-31 17:00, and models are judged on the newest rows. It has ${namesOf(columns)}.`,
    );
  if (!isLegal(chosen.name))
    throw new PerennialError(
      'INPUT_INVALID',
      `The time column '${chosen.name}' of ${file} must be renamed: letters, digits and underscores, starting with a letter.`,
    );
  return chosen;
}
