import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { DataContract } from '../contracts/contract.js';
import { PerennialError } from '../contracts/errors.js';
import { literal, literalList, type Duck } from './duckdb.js';
import { physicalType } from './logical-type.js';

const longestHeader = 1 << 16;

/**
 * Reads CSV files (RFC 4180: comma, double quote, a header line) into the table `source`. Nothing is guessed, since guesses change with the
 * rows: a column has the type that the contract gives it, the time column is a timestamp, all else is text. Lines that do not fit
 * are told only while reading: they end up in `reject_errors`.
 */
export async function readCsv(
  duck: Duck,
  { files, contract, timeColumn }: { files: string[]; contract: DataContract; timeColumn: string },
): Promise<void> {
  const names = await sharedHeader(files);
  const types = new Map([
    [timeColumn, 'TIMESTAMP'],
    ...(contract.schema[0]?.properties ?? []).map(
      ({ name, logicalType }) => [name, physicalType[logicalType]] as const,
    ),
  ]);
  const columns = names
    .map((name) => `${literal(name)}: ${literal(types.get(name) ?? 'VARCHAR')}`)
    .join(', ');
  await duck.run(
    `CREATE TEMP TABLE source AS SELECT * FROM read_csv(${literalList(files)}, columns = {${columns}}, auto_detect = false,
       header = true, delim = ',', quote = '"', escape = '"', store_rejects = true)`,
  );
}

async function sharedHeader(files: string[]): Promise<string[]> {
  const headers = await Promise.all(files.map(readHeader));
  const [first = []] = headers;
  for (const [index, names] of headers.entries()) {
    if (names.join() === first.join()) continue;
    throw new PerennialError(
      'SOURCE_UNREADABLE',
      `${basename(files[index] ?? '')} has the columns ${names.join(', ')}; ${basename(files[0] ?? '')} has ${first.join(', ')}.`,
    );
  }
  return first;
}

async function readHeader(file: string): Promise<string[]> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(
      Buffer.alloc(longestHeader),
      0,
      longestHeader,
      0,
    );
    const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
    const names = splitHeader(text);
    if (names.length !== new Set(names).size || names.some((name) => name === ''))
      throw new PerennialError(
        'SOURCE_UNREADABLE',
        `The header of ${basename(file)} must name each column once; it is '${names.join(',').slice(0, 200)}'.`,
      );
    return names;
  } finally {
    await handle.close();
  }
}

/** The values of the first line; quotes may hold commas, line breaks and doubled quotes. */
export function splitHeader(text: string): string[] {
  const names: string[] = [];
  const value = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r?\n|$)/y;
  for (;;) {
    const match = value.exec(text);
    if (!match) return names;
    const [, raw = '', end] = match;
    names.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw.trim());
    if (end !== ',') return names;
  }
}

/** Copies the lines that could not be read into Parquet, one row a line, and returns how many there are. */
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
