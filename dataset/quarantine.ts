import type { DataContract } from '../contracts/contract.js';
import { literal, type Duck } from './duckdb.js';
import { judgedRows, quarantined } from './marks.js';
import type { RowCheck } from './row-check.js';

/**
 * Writes the bad rows with their `reasons` and their place in the snapshot, and after them the lines of a CSV that could not be read.
 * Leaves the rows in the table `quarantine` for `exampleRows`.
 */
export async function writeQuarantine(
  duck: Duck,
  {
    checks,
    rejects,
    target,
  }: { checks: readonly RowCheck[]; rejects: string | null; target: string },
): Promise<void> {
  const reasons = checks.flatMap((check, index) =>
    check.severity === 'error'
      ? [`CASE WHEN bad${index} THEN ${literal(check.complaint)} END`]
      : [],
  );
  const bad = `SELECT rows.* EXCLUDE (file_row_number), snapshot_row,
      list_filter([${reasons.join(', ')}]::VARCHAR[], reason -> reason IS NOT NULL) AS reasons
    FROM ${judgedRows} AS rows JOIN marks ON file_row_number = snapshot_row WHERE ${quarantined(checks)}`;
  const unread = rejects
    ? `UNION ALL BY NAME SELECT file AS rejected_file, line AS rejected_line, text AS rejected_text, reasons FROM read_parquet(${literal(rejects)})`
    : '';
  const order = rejects ? 'snapshot_row NULLS LAST, rejected_file, rejected_line' : 'snapshot_row';
  await duck.run(
    `CREATE TEMP TABLE quarantine AS SELECT * FROM (${bad} ${unread}) ORDER BY ${order}`,
  );
  await duck.run(`COPY quarantine TO ${literal(target)} (FORMAT parquet, COMPRESSION zstd)`);
}

/** A few bad rows in words, at most two of a kind. Values of classified properties are hidden. */
export async function exampleRows(
  duck: Duck,
  contract: DataContract,
  limit = 8,
): Promise<string[]> {
  const rows = await duck.rows(
    // No name is given to the count: any name could be one of the source's columns.
    `SELECT * FROM quarantine
     QUALIFY row_number() OVER (PARTITION BY list_transform(reasons, reason -> reason)) <= 2 LIMIT ${limit}`,
  );
  return rows.map((row) => inWords(row, contract));
}

function inWords(row: Record<string, unknown>, contract: DataContract): string {
  const reasons = (row['reasons'] as string[]).join(', ');
  if (row['rejected_line'] != null)
    return `${shortened(row['rejected_file'])} line ${shortened(row['rejected_line'])}: ${reasons}`;
  const values = (contract.schema[0]?.properties ?? [])
    .filter((property) => Object.hasOwn(row, property.name))
    .map(({ name, classification }) => {
      const open = classification === undefined || classification === 'public';
      return `${name}=${open ? shortened(row[name]) : '[hidden]'}`;
    });
  return `row ${shortened(row['snapshot_row'])} (${values.join(', ')}): ${reasons}`;
}

function shortened(value: unknown): string {
  const text = value === null ? 'null' : typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
