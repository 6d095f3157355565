import type { DataContract } from '../../contracts/contract.js';
import { literal, quoteName, type Duck } from '../duckdb.js';
import { badRows } from './bad-rows.js';
import type { JudgedRows } from './judged-rows.js';
import { nameBeside } from './own-names.js';
import { errorsOf, type Question } from './question.js';

/** The quarantine's own columns beside those of the source. */
export type OwnColumns = Record<keyof typeof ownColumns, string>;

const ownColumns = {
  place: 'snapshot_row',
  reasons: 'reasons',
  file: 'rejected_file',
  line: 'rejected_line',
  text: 'rejected_text',
};

export interface QuarantineInput {
  judged: JudgedRows;
  questions: readonly Question[];
  /** Parquet file with the lines of a CSV that could not be read. */
  rejects: string | null;
  target: string;
}

/**
 * Writes the bad rows with their `reasons` and their place in the snapshot, and after them the lines of a CSV that could not be read.
 * Leaves the rows in the table `quarantine` for `exampleRows`, and returns how its own columns are called: a source with a column of such
 * a name keeps it, and ours gets an underscore behind it.
 */
export async function writeQuarantine(
  duck: Duck,
  { judged, questions, rejects, target }: QuarantineInput,
): Promise<OwnColumns> {
  const own = ownColumnsBeside(judged);
  const columns = [...judged.columns.keys()].map(quoteName).join(', ');
  const reasons = errorsOf(questions).map(
    ({ flag, check }) => `CASE WHEN ${flag} THEN ${literal(check.complaint)} END`,
  );
  const bad = `SELECT ${columns}, ${judged.place} AS ${own.place},
      list_filter([${reasons.join(', ')}]::VARCHAR[], reason -> reason IS NOT NULL) AS ${own.reasons}
    FROM ${badRows}`;
  const unread = rejects
    ? `UNION ALL BY NAME SELECT file AS ${own.file}, line AS ${own.line}, text AS ${own.text}, reasons AS ${own.reasons}
       FROM read_parquet(${literal(rejects)})`
    : '';
  const order = rejects ? `${own.place} NULLS LAST, ${own.file}, ${own.line}` : own.place;
  await duck.run(
    `CREATE TEMP TABLE quarantine AS SELECT * FROM (${bad} ${unread}) ORDER BY ${order}`,
  );
  await duck.run(`COPY quarantine TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd)`);
  return own;
}

function ownColumnsBeside({ columns }: JudgedRows): OwnColumns {
  const named = Object.entries(ownColumns).map(([key, name]) => [
    key,
    nameBeside(columns.keys(), name),
  ]);
  return Object.fromEntries(named) as OwnColumns;
}

/** A few bad rows in words, at most two of a kind. Values of classified properties are hidden. */
export async function exampleRows(
  duck: Duck,
  { contract, own, limit = 8 }: { contract: DataContract; own: OwnColumns; limit?: number },
): Promise<string[]> {
  const rows = await duck.rows(
    // No name is given to the count: any name could be one of the source's columns.
    `SELECT * FROM quarantine
     QUALIFY row_number() OVER (PARTITION BY list_transform(${own.reasons}, reason -> reason)) <= 2
     ORDER BY ${own.place} NULLS LAST LIMIT ${limit}`,
  );
  return rows.map((row) => inWords(row, contract, own));
}

function inWords(row: Record<string, unknown>, contract: DataContract, own: OwnColumns): string {
  const reasons = (row[own.reasons] as string[]).join(', ');
  if (row[own.line] != null)
    return `${shortened(row[own.file])} line ${shortened(row[own.line])}: ${reasons}`;
  const values = (contract.schema[0]?.properties ?? [])
    .filter((property) => Object.hasOwn(row, property.name))
    .map(({ name, classification }) => {
      const open = classification === undefined || classification === 'public';
      return `${name}=${open ? shortened(row[name]) : '[hidden]'}`;
    });
  return `row ${shortened(row[own.place])} (${values.join(', ')}): ${reasons}`;
}

function shortened(value: unknown): string {
  const text = value === null ? 'null' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
