import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { DataContract } from '../contracts/contract.js';
import { PerennialError } from '../contracts/errors.js';
import type { ModelSpec } from '../contracts/spec.js';
import { readCsv } from './csv.js';
import { duckMessage, listFiles, literalList, quoteName, type Duck } from './duckdb.js';

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
      await readCsv(duck, { files, contract, timeColumn: source.timeColumn });
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
