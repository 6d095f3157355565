import { quoteName, type Duck } from '../duckdb.js';
import type { JudgedRows } from './judged-rows.js';
import { findBadWords, textsInDictionaries } from './pattern.js';
import { before, findRepeats, seemsToAscend } from './repeats.js';
import type { RowCheck } from './row-check.js';

/** How a check is asked in the scan. */
export interface Question {
  check: RowCheck;
  /** The column that holds the answer. */
  flag: string;
  /** SQL that is true for a bad row. */
  broken: string;
  /** SQL that is true of a row, bad by `broken` too, that is not where the order puts it that `broken` takes for granted. */
  stray?: string;
}

export function errorsOf(questions: readonly Question[]): Question[] {
  return questions.filter(({ check }) => check.severity === 'error');
}

/**
 * Finds the cheapest way to ask each check. `trustOrder` lets a repeated key be looked for in the row before only, where the rows seem to
 * be laid down in its order: then one that strays must be asked after.
 */
export async function planQuestions(
  duck: Duck,
  rows: JudgedRows,
  checks: readonly RowCheck[],
  { trustOrder }: { trustOrder: boolean },
): Promise<Question[]> {
  const inDictionaries = await textsInDictionaries(duck, rows);
  const plan = async (
    check: RowCheck,
    index: number,
  ): Promise<Pick<Question, 'broken' | 'stray'>> => {
    if ('repeats' in check) {
      const [key = '', ...others] = check.repeats;
      const ordered = trustOrder && check.severity === 'error' && others.length === 0;
      return ordered && (await seemsToAscend(duck, key))
        ? repeatsInOrder(key)
        : { broken: await findRepeats(duck, rows, check.repeats, `repeats${index}`) };
    }
    const { broken, wordsOf } = check;
    if (wordsOf === undefined || !inDictionaries.has(wordsOf)) return { broken };
    return {
      broken: await findBadWords(duck, { column: wordsOf, broken, table: `words${index}` }),
    };
  };
  const questions: Question[] = [];
  for (const [index, check] of checks.entries())
    questions.push({ check, flag: rows.own(`bad${index}`), ...(await plan(check, index)) });
  return questions;
}

/** Where no row strays, a value that is not above the one before it is that very value. */
function repeatsInOrder(key: string): Pick<Question, 'broken' | 'stray'> {
  const column = quoteName(key);
  return {
    broken: `${column} IS NULL OR ${column} <= ${before(key)}`,
    stray: `${column} IS NULL OR ${column} < ${before(key)}`,
  };
}
