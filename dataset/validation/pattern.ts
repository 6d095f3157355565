import type { DataContract } from '../../contracts/contract.js';
import { PerennialError } from '../../contracts/errors.js';
import { duckMessage, literal, quoteName, type Duck } from '../duckdb.js';
import { judgedRows, type JudgedRows } from './judged-rows.js';

const fewWords = 32;

/** Makes sure that every pattern of a contract is a regular expression (RE2: no look-around). Throws CONTRACT_INVALID naming the property. */
export async function checkPatterns(duck: Duck, contract: DataContract): Promise<void> {
  for (const property of contract.schema[0]?.properties ?? []) {
    const rules = property.quality.map((rule) =>
      'metric' in rule ? rule.arguments?.pattern : undefined,
    );
    for (const pattern of [property.logicalTypeOptions.pattern, ...rules]) {
      if (pattern === undefined) continue;
      await duck.rows(`SELECT regexp_matches('', $1)`, [pattern]).catch((error: unknown) => {
        throw new PerennialError(
          'CONTRACT_INVALID',
          `The pattern '${pattern}' of property '${property.name}' is no regular expression: ${duckMessage(error)}`,
        );
      });
    }
  }
}

/** Text columns that the file keeps as dictionaries throughout: their words are few and quickly found. */
export async function textsInDictionaries(
  duck: Duck,
  { file, columns }: JudgedRows,
): Promise<Set<string>> {
  const rows = await duck.rows(
    `SELECT path_in_schema AS name FROM parquet_metadata(${literal(file)}) GROUP BY name
     HAVING bool_and(contains(encodings, 'DICTIONARY'))`,
  );
  const names = rows.map(({ name }) => String(name));
  return new Set(names.filter((name) => columns.get(name) === 'VARCHAR'));
}

/** A condition for rows whose word in `column` is broken. Each word is judged once, and by this SQL alone, which looks at nothing else. */
export async function findBadWords(
  duck: Duck,
  { column, broken, table }: { column: string; broken: string; table: string },
): Promise<string> {
  const name = quoteName(column);
  // A statement of its own: inside one statement DuckDB would ask each row after all.
  await duck.run(
    `CREATE OR REPLACE TEMP TABLE ${table} AS SELECT DISTINCT ${name} FROM ${judgedRows}`,
  );
  await duck.run(`DELETE FROM ${table} WHERE NOT coalesce(${broken}, false)`);
  const words = await duck.rows(`SELECT ${name} AS word FROM ${table} LIMIT ${fewWords + 1}`);
  if (words.length === 0) return 'false';
  // To compare with a few words is cheaper than to look each row up in a table.
  return words.length > fewWords
    ? `${name} IN (SELECT ${name} FROM ${table})`
    : `${name} IN (${words.map(({ word }) => literal(String(word))).join(', ')})`;
}
