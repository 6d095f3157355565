import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { DataContract } from '../contracts/contract.js';
import { PerennialError } from '../contracts/errors.js';
import type { ModelSpec } from '../contracts/spec.js';
import { duckMessage, listFiles, literal, literalList, quoteName, type Duck } from './duckdb.js';
import { physicalType } from './logical-type.js';

type Source = ModelSpec['data']['source'];

/** The source's files, sorted by name. Throws SOURCE_NOT_FOUND naming the path that was asked for. */
export async function findSourceFiles(source: Source, base: string): Promise<string[]> {
  const asIs = resolve(base, source.path);
  const found = await stat(asIs).catch(() => null);
  if (found?.isFile()) return [asIs];
  // Only the spec's own path is a pattern: a bracket in the folder's name is just a bracket.
  const pattern = resolve(base.replace(/[*?[]/g, '[$&]'), source.path);
  const files = await listFiles(pattern);
  if (files.length === 0)
    throw new PerennialError(
      'SOURCE_NOT_FOUND',
      `data.source.path is '${source.path}': no such file.`,
    );
  return files;
}

/**
 * Makes the source's rows readable as one relation and returns its name. Parquet stays where it is. CSV is read once into a table, since
 * lines that do not fit are told only while reading: they end up in `reject_errors`.
 */
export async function openSource(
  duck: Duck,
  { source, files, contract }: { source: Source; files: string[]; contract: DataContract },
): Promise<string> {
  try {
    if (source.format === 'parquet') {
      await duck.run(
        `CREATE TEMP VIEW source AS SELECT * FROM read_parquet(${literalList(files)}, union_by_name = true)`,
      );
    } else {
      await readCsv(duck, files, contract);
    }
  } catch (error) {
    if (error instanceof PerennialError || isAbort(error)) throw error;
    throw new PerennialError(
      'SOURCE_UNREADABLE',
      `${source.path} cannot be read as ${source.format}: ${withoutFolders(duckMessage(error), files)}`,
    );
  }
  return 'source';
}

/** Comma, double quote, a header line (RFC 4180): guessed dialects change with the rows. The contract says what a column's type is. */
async function readCsv(duck: Duck, files: string[], contract: DataContract): Promise<void> {
  const sniffed = await Promise.all(files.map((file) => sniffColumns(duck, file)));
  const [first = []] = sniffed;
  for (const [index, columns] of sniffed.entries()) {
    const names = columns.map((column) => column.name).join(', ');
    const expected = first.map((column) => column.name).join(', ');
    if (names !== expected)
      throw new PerennialError(
        'SOURCE_UNREADABLE',
        `${basename(files[index] ?? '')} has the columns ${names}; ${basename(files[0] ?? '')} has ${expected}.`,
      );
  }
  const promised = new Map(
    contract.schema[0]?.properties.map((each) => [each.name, physicalType[each.logicalType]]),
  );
  const columns = first
    .map(({ name, type }) => `${literal(name)}: ${literal(promised.get(name) ?? type)}`)
    .join(', ');
  await duck.run(
    `CREATE TEMP TABLE source AS SELECT * FROM read_csv(${literalList(files)}, columns = {${columns}}, auto_detect = false,
       header = true, delim = ',', quote = '"', escape = '"', store_rejects = true)`,
  );
}

async function sniffColumns(duck: Duck, file: string): Promise<{ name: string; type: string }[]> {
  return (await duck.rows(
    `SELECT unnest(Columns, recursive := true)
     FROM sniff_csv(${literal(file)}, delim = ',', quote = '"', escape = '"', header = true, strict_mode = false)`,
  )) as { name: string; type: string }[];
}

/** Copies the lines of a CSV that could not be read into Parquet, one row a line, and returns how many there are. */
export async function copyRejects(duck: Duck, target: string): Promise<number> {
  const [row] = await duck.rows(
    `SELECT count(DISTINCT (file_id, line))::INTEGER AS lines FROM reject_errors`,
  );
  const lines = Number(row?.['lines'] ?? 0);
  if (lines > 0)
    await duck.run(
      `COPY (
         SELECT parse_filename(any_value(file_path)) AS file, line, any_value(csv_line) AS text,
           list_transform(list_sort(list(DISTINCT coalesce(column_name, '') || ':' || error_type::VARCHAR)),
             x -> 'the line cannot be read: ' || lower(split_part(x, ':', 2))
               || CASE WHEN x LIKE ':%' THEN '' ELSE ' in column ' || split_part(x, ':', 1) END) AS reasons
         FROM reject_errors JOIN reject_scans USING (scan_id, file_id)
         GROUP BY file_id, line ORDER BY file_id, line
       ) TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd)`,
    );
  return lines;
}

/** Type of each column of a relation, as DuckDB writes it. */
export async function columnsOf(duck: Duck, relation: string): Promise<Map<string, string>> {
  const rows = await duck.rows(`DESCRIBE SELECT * FROM ${relation}`);
  return new Map(rows.map((row) => [String(row['column_name']), String(row['column_type'])]));
}

/** Event time of a row; null where it cannot be read as one. */
export function eventTime(column: string): string {
  return `TRY_CAST(${quoteName(column)} AS TIMESTAMP)`;
}

function withoutFolders(message: string, files: string[]): string {
  return files.reduce((text, file) => text.replaceAll(file, basename(file)), message);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
