import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { tmpdir } from 'node:os';
import type { DataContract } from '../../contracts/contract.js';
import { PerennialError } from '../../contracts/errors.js';
import { columnName } from '../../contracts/names.js';
import { quoteName, withDuckDb, type Duck } from '../duckdb.js';
import { physicalType, type LogicalType } from '../logical-type.js';
import { columnsOf, openSource } from '../source.js';
import { inWorkFolder } from '../work-folder.js';

/** What the rows of a file say about one of its columns. */
export interface ColumnProfile {
  name: string;
  /** Its name in SQL, quoted where it has to be. */
  sql: string;
  /** The narrowest type that every value has. */
  type: LogicalType;
  rows: number;
  nulls: number;
  distinct: number;
  /** Of numbers. */
  minimum: number | null;
  maximum: number | null;
  /** Values of a column with few, the most frequent first; empty where there are more than `fewValues`. */
  values: { value: string; rows: number }[];
}

export interface FileProfile {
  file: string;
  rows: number;
  /** Lines that do not fit the header. */
  rejected: number;
  columns: ColumnProfile[];
  /** How many different combinations of values these columns have. */
  distinctOf: (columns: ColumnProfile[]) => Promise<number>;
}

export const fewValues = 20;

/** Types from narrow to wide, each with the SQL that tells whether a text is one. Digits after a leading zero are a code, not a number. */
const types = [
  ['integer', (value) => `regexp_full_match(${value}, '[+-]?(0|[1-9][0-9]{0,17})')`],
  [
    'number',
    (value) =>
      `isfinite(TRY_CAST(${value} AS DOUBLE)) AND NOT regexp_full_match(${value}, '[+-]?0[0-9]+')`,
  ],
  ['boolean', (value) => `TRY_CAST(${value} AS BOOLEAN) IS NOT NULL`],
  ['date', (value) => `length(${value}) <= 10 AND TRY_CAST(${value} AS DATE) IS NOT NULL`],
  ['timestamp', (value) => `TRY_CAST(${value} AS TIMESTAMP) IS NOT NULL`],
] as const satisfies [LogicalType, (value: string) => string][];

/**
 * Reads a CSV file and lends what its columns look like. Throws FILE_NOT_FOUND, SOURCE_UNREADABLE where it is no CSV with a header, and
 * SOURCE_EMPTY where it has no rows.
 */
export async function withProfile<T>(
  path: string,
  work: (profile: FileProfile) => Promise<T>,
): Promise<T> {
  const file = basename(path);
  const found = await stat(path).catch(() => null);
  if (!found?.isFile()) throw new PerennialError('FILE_NOT_FOUND', `There is no file '${path}'.`);
  const source = { format: 'csv' as const, path: file, timeColumn: '' };
  return inWorkFolder(tmpdir(), (workFolder) =>
    withDuckDb({ reads: [path], workFolder }, async (duck) => {
      // Under no contract every column is text: nothing is lost before it is looked at.
      const relation = await openSource(duck, { source, files: [path], contract: noContract });
      const names = [...(await columnsOf(duck, relation)).keys()];
      if (names.length < 2)
        throw new PerennialError(
          'SOURCE_UNREADABLE',
          `${file} has the one column '${names.join()}'; a CSV file names its columns in the first line, parted by commas.`,
        );
      const columns = await profileColumns(duck, relation, names);
      const rows = columns[0]?.rows ?? 0;
      const rejected = await countRejects(duck);
      if (rows === 0)
        throw new PerennialError(
          'SOURCE_EMPTY',
          `${file} has no row that can be read${rejected > 0 ? `: ${rejected} lines do not fit its header` : ''}.`,
        );
      const distinctOf = async (chosen: ColumnProfile[]) => {
        const [row] = await duck.rows(
          `SELECT count(DISTINCT (${chosen.map(({ sql }) => sql).join(', ')})) AS n FROM ${relation}`,
        );
        return Number(row?.['n']);
      };
      return work({ file, rows, rejected, columns, distinctOf });
    }),
  );
}

async function profileColumns(
  duck: Duck,
  relation: string,
  names: string[],
): Promise<ColumnProfile[]> {
  const measures = names.flatMap((name, index) => {
    const value = quoteName(name);
    const number = `TRY_CAST(${value} AS DOUBLE)`;
    return [
      `count(${value}) AS filled${index}`,
      `count(DISTINCT ${value}) AS distinct${index}`,
      `min(${number}) FILTER (isfinite(${number})) AS minimum${index}`,
      `max(${number}) FILTER (isfinite(${number})) AS maximum${index}`,
      ...types.map(([type, is]) => `count(*) FILTER (${is(value)}) AS ${type}${index}`),
    ];
  });
  const [row = {}] = await duck.rows(
    `SELECT count(*) AS rows, ${measures.join(', ')} FROM ${relation}`,
  );
  const rows = Number(row['rows']);
  const reserved = await reservedWords(duck);
  const profiles: ColumnProfile[] = [];
  for (const [index, name] of names.entries()) {
    const filled = Number(row[`filled${index}`]);
    const type =
      filled === 0
        ? 'string'
        : (types.find(([each]) => Number(row[`${each}${index}`]) === filled)?.[0] ?? 'string');
    const numeric = type === 'integer' || type === 'number';
    const distinct = Number(row[`distinct${index}`]);
    profiles.push({
      name,
      sql: isLegal(name) && !reserved.has(name.toLowerCase()) ? name : quoteName(name),
      type,
      rows,
      nulls: rows - filled,
      distinct,
      minimum: numeric ? Number(row[`minimum${index}`]) : null,
      maximum: numeric ? Number(row[`maximum${index}`]) : null,
      values: distinct <= fewValues ? await valuesOf(duck, relation, name) : [],
    });
  }
  return profiles;
}

async function valuesOf(
  duck: Duck,
  relation: string,
  name: string,
): Promise<ColumnProfile['values']> {
  const found = await duck.rows(
    `SELECT ${quoteName(name)} AS value, count(*) AS n FROM ${relation} WHERE value IS NOT NULL GROUP BY value ORDER BY n DESC, value`,
  );
  return found.map(({ value, n }) => ({ value: String(value), rows: Number(n) }));
}

async function countRejects(duck: Duck): Promise<number> {
  const [row] = await duck.rows(
    'SELECT count(DISTINCT (file_id, line))::INTEGER AS n FROM reject_errors',
  );
  return Number(row?.['n']);
}

async function reservedWords(duck: Duck): Promise<Set<string>> {
  const found = await duck.rows(
    `SELECT keyword_name AS word FROM duckdb_keywords() WHERE keyword_category = 'reserved'`,
  );
  return new Set(found.map(({ word }) => String(word)));
}

/** Whether a contract and a spec may call a column by this name. */
export function isLegal(name: string): boolean {
  return columnName.safeParse(name).success;
}

/** SQL for the values of a column. One that no contract can name is read as text, so it is cast here. */
export function typedColumn({ name, sql, type }: ColumnProfile): string {
  return isLegal(name) || type === 'string' ? sql : `CAST(${sql} AS ${physicalType[type]})`;
}

export function isNumeric({ type }: ColumnProfile): boolean {
  return type === 'integer' || type === 'number';
}

/** Throws INPUT_INVALID naming the option and the columns there are. */
export function columnNamed(
  { file, columns }: FileProfile,
  name: string,
  option: string,
): ColumnProfile {
  const found = columns.find((each) => each.name === name);
  if (found) return found;
  throw new PerennialError(
    'INPUT_INVALID',
    `${option}: there is no column '${name}' in ${file}; it has ${namesOf(columns)}.`,
  );
}

export function namesOf(columns: ColumnProfile[]): string {
  return columns.map(({ name }) => name).join(', ');
}

const noContract: DataContract = {
  kind: 'DataContract',
  apiVersion: 'v3.1.0',
  id: 'none',
  version: '0',
  status: 'draft',
  schema: [],
  slaProperties: [],
  customProperties: [],
};
