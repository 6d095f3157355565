import { literal, quoteName, type Duck } from '../duckdb.js';
import { nameBeside } from './own-names.js';

/** The rows of a snapshot file under judgement: the columns of the source and the row's place in the file. */
export const judgedRows = 'judged';

/** What SQL over the judged rows needs to know of them. */
export interface JudgedRows {
  file: string;
  /** Type of each column of the source. */
  columns: ReadonlyMap<string, string>;
  /** Column with the number of the row in the file, from 0. */
  place: string;
  /** A column name of our own, quoted, that is none of the source's. */
  own: (name: string) => string;
}

export async function openJudgedRows(
  duck: Duck,
  file: string,
  columns: ReadonlyMap<string, string>,
): Promise<JudgedRows> {
  const own = (name: string): string => quoteName(nameBeside(columns.keys(), name));
  const place = own('place');
  const rows =
    nameBeside(columns.keys(), 'file_row_number') === 'file_row_number'
      ? `SELECT * EXCLUDE (file_row_number), file_row_number AS ${place} FROM read_parquet(${literal(file)}, file_row_number = true)`
      : // The source has a column of DuckDB's own name: rows are counted as they are read.
        `SELECT *, row_number() OVER () - 1 AS ${place} FROM read_parquet(${literal(file)})`;
  await duck.run(`CREATE TEMP VIEW ${judgedRows} AS ${rows}`);
  return { file, columns, place, own };
}
