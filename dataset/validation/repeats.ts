import { quoteName, type Duck } from '../duckdb.js';
import { judgedRows, type JudgedRows } from './judged-rows.js';

const probedRows = 10_000;

/**
 * A condition for rows that hold the same in `keys` as an earlier row; a null among them repeats nothing. They are looked for in a scan of
 * its own, which carries these columns only: sorting whole rows is what costs.
 */
export async function findRepeats(
  duck: Duck,
  { place }: JudgedRows,
  keys: readonly string[],
  table: string,
): Promise<string> {
  const columns = keys.map(quoteName);
  const whole = columns.map((column) => `${column} IS NOT NULL`).join(' AND ');
  const number = `row_number() OVER (PARTITION BY ${columns.join(', ')} ORDER BY ${place})`;
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT found FROM (
       SELECT ${place} AS found, ${whole} AND ${number} > 1 AS repeats FROM ${judgedRows}
     ) WHERE repeats`,
  );
  return `${place} IN (SELECT found FROM ${table})`;
}

/** Whether the rows lie in the order of this column, as far as the first of them tell. */
export async function seemsToAscend(duck: Duck, column: string): Promise<boolean> {
  const [row] = await duck.rows(
    `SELECT coalesce(bool_and(ascends), true) AS ascend FROM (
       SELECT ${quoteName(column)} >= ${before(column)} AS ascends FROM ${judgedRows} LIMIT ${probedRows}
     )`,
  );
  return row?.['ascend'] === true;
}

/** The value that the row before holds: without an order of its own, a window sees the rows as the one thread of `withDuckDb` reads them. */
export function before(column: string): string {
  return `lag(${quoteName(column)}) OVER ()`;
}
