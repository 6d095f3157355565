import { PerennialError } from '../contracts/errors.js';
import { duckMessage, literal, quoteName, type Duck } from './duckdb.js';
import type { RowCheck } from './row-check.js';

/** The rows of a snapshot file under judgement: the columns of the source and `file_row_number`. */
export const judgedRows = 'judged';

export async function openJudgedRows(duck: Duck, file: string): Promise<void> {
  await duck.run(
    `CREATE TEMP VIEW ${judgedRows} AS SELECT * FROM read_parquet(${literal(file)}, file_row_number = true)`,
  );
}

/**
 * The one scan: asks every row every question and remembers the rows that break any, in the table `marks`; each check across rows has a
 * scan of its own before it. Returns the number of bad rows of each check. Throws the error of a person's own SQL when it cannot be
 * computed.
 */
export async function markRows(duck: Duck, checks: readonly RowCheck[]): Promise<number[]> {
  if (checks.length === 0) {
    await duck.run('CREATE TEMP TABLE marks (snapshot_row BIGINT)');
    return [];
  }
  const any = checks.map((_, index) => `bad${index}`).join(' OR ');
  try {
    const flags: string[] = [];
    for (const [index, check] of checks.entries())
      flags.push(`coalesce(${await predicateOf(duck, check, index)}, false) AS bad${index}`);
    await duck.run(
      `CREATE TEMP TABLE marks AS SELECT * FROM (
         SELECT file_row_number AS snapshot_row, ${flags.join(', ')} FROM ${judgedRows}
       ) WHERE ${any}`,
    );
  } catch (error) {
    throw (await blame(duck, checks)) ?? error;
  }
  const [counts = {}] = await duck.rows(
    `SELECT ${checks.map((_, index) => `sum(bad${index}::INTEGER) AS bad${index}`).join(', ')} FROM marks`,
  );
  return checks.map((_, index) => Number(counts[`bad${index}`] ?? 0));
}

/** What tells a bad row inside the scan. Checks across rows are answered before it, and the scan looks their answers up. */
async function predicateOf(duck: Duck, check: RowCheck, index: number): Promise<string> {
  if (!check.acrossRows) return check.broken;
  await duck.run(
    `CREATE TEMP TABLE across${index} AS SELECT file_row_number AS snapshot_row FROM (
       SELECT file_row_number, ${check.broken} AS bad FROM ${judgedRows}
     ) WHERE bad`,
  );
  return `file_row_number IN (SELECT snapshot_row FROM across${index})`;
}

/** Marks of rows that go to quarantine: those that break a check of severity `error`. */
export function quarantined(checks: readonly RowCheck[]): string {
  const flags = checks.flatMap((check, index) =>
    check.severity === 'error' ? [`bad${index}`] : [],
  );
  return flags.length > 0 ? `(${flags.join(' OR ')})` : 'false';
}

/** Every clean row of the snapshot, with its columns quoted away from `file_row_number`. */
export function cleanRows(checks: readonly RowCheck[], columns: Iterable<string>): string {
  const names = [...columns].map(quoteName).join(', ');
  return `(SELECT ${names}, file_row_number FROM ${judgedRows}
    ANTI JOIN (SELECT snapshot_row FROM marks WHERE ${quarantined(checks)}) ON file_row_number = snapshot_row)`;
}

/** Which check cannot be computed on these rows, such as a cast that fails on one of them. */
async function blame(duck: Duck, checks: readonly RowCheck[]): Promise<PerennialError | null> {
  for (const { broken, written } of checks) {
    if (!written) continue;
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
