import { PerennialError } from '../../contracts/errors.js';
import { duckMessage, type Duck } from '../duckdb.js';
import { judgedRows, type JudgedRows } from './judged-rows.js';
import { errorsOf, planQuestions, type Question } from './question.js';
import type { RowCheck } from './row-check.js';

/** The rows for quarantine, as they were judged, with a flag for each check of severity `error`. */
export const badRows = 'bad_rows';

export interface BadRows {
  questions: Question[];
  /** Bad rows of each check. */
  counts: ReadonlyMap<RowCheck, number>;
  /** Rows that break at least one check of severity `error`. */
  bad: number;
}

/**
 * The one scan: asks every row every question and keeps the rows that break one of severity `error` in the table `bad_rows`. Warnings are
 * only counted, since a warning may be true of any number of rows. Throws the error of a person's own SQL when it cannot be computed.
 */
export async function collectBadRows(
  duck: Duck,
  rows: JudgedRows,
  checks: readonly RowCheck[],
): Promise<BadRows> {
  try {
    let questions = await planQuestions(duck, rows, checks, { trustOrder: true });
    let bad = await keepBadRows(duck, rows, questions);
    if (bad === undefined) {
      questions = await planQuestions(duck, rows, checks, { trustOrder: false });
      bad = await keepBadRows(duck, rows, questions);
    }
    const warnings = questions.filter(({ check }) => check.severity === 'warning');
    const counts = new Map([
      ...(await countBad(duck, errorsOf(questions), badRows)),
      ...(await countBad(duck, warnings, `(SELECT ${flagsOf(warnings)} FROM ${judgedRows})`)),
    ]);
    return { questions, counts, bad: bad ?? 0 };
  } catch (error) {
    throw (await blame(duck, checks)) ?? error;
  }
}

/** Every clean row of the snapshot. */
export function cleanRows({ place }: JudgedRows): string {
  return `(SELECT * FROM ${judgedRows} ANTI JOIN ${badRows} USING (${place}))`;
}

/** Number of rows kept; none is good for anything, undefined, where the rows do not lie in the order that a question takes for granted. */
async function keepBadRows(
  duck: Duck,
  { own }: JudgedRows,
  questions: readonly Question[],
): Promise<number | undefined> {
  const errors = errorsOf(questions);
  const stray = own('stray');
  const strays = errors.flatMap((each) => each.stray ?? []).map((sql) => `(${sql})`);
  const strayed = strays.join(' OR ') || 'false';
  const any = errors.map(({ flag }) => flag).join(' OR ') || 'false';
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${badRows} AS SELECT * FROM (
       SELECT *, ${flagsOf(errors)}, ${strayed} AS ${stray} FROM ${judgedRows}
     ) WHERE ${any}`,
  );
  const [row] = await duck.rows(
    `SELECT count(*) AS kept, coalesce(bool_or(${stray}), false) AS stray FROM ${badRows}`,
  );
  return row?.['stray'] === true ? undefined : Number(row?.['kept']);
}

function flagsOf(questions: readonly Question[]): string {
  return questions.map(({ flag, broken }) => `${broken} AS ${flag}`).join(', ');
}

async function countBad(
  duck: Duck,
  questions: readonly Question[],
  relation: string,
): Promise<[RowCheck, number][]> {
  if (questions.length === 0) return [];
  const sums = questions.map(({ flag }, index) => `sum(${flag}::INTEGER) AS bad${index}`);
  const [counts = {}] = await duck.rows(`SELECT ${sums.join(', ')} FROM ${relation}`);
  return questions.map(({ check }, index) => [check, Number(counts[`bad${index}`] ?? 0)]);
}

/** Which check cannot be computed on these rows, such as a cast that fails on one of them. */
async function blame(duck: Duck, checks: readonly RowCheck[]): Promise<PerennialError | null> {
  for (const check of checks) {
    if (!check.written || 'repeats' in check) continue;
    const { written, broken } = check;
    try {
      await duck.rows(
        `SELECT count(*) FROM (SELECT ${broken} AS bad FROM ${judgedRows}) WHERE bad`,
      );
    } catch (error) {
      return new PerennialError(
        written.code,
        `The SQL of ${written.what} fails on the rows: ${duckMessage(error)}`,
      );
    }
  }
  return null;
}
