import type { DataContract } from '../../contracts/contract.js';
import { milliseconds } from '../../contracts/duration.js';
import { freshnessAgainst } from '../contract.js';
import type { Duck } from '../duckdb.js';
import { eventTime } from '../source.js';
import { judged, type JudgedFinding } from './finding.js';
import { judgedRows } from './judged-rows.js';

export interface FreshnessInput {
  contract: DataContract;
  timeColumn: string;
  columns: ReadonlyMap<string, string>;
  rows: number;
  windowEnd: Date;
  /** Whether somebody asked for this window: then its end is the present that the data is judged against. */
  windowAsked: boolean;
  now: Date;
}

/**
 * The age of the newest row, by event time. Against the end of the window when one was asked for, or when the contract says so: last year's
 * data is fresh enough to train last year's model again. Otherwise against the clock.
 */
export async function freshnessFindings(
  duck: Duck,
  input: FreshnessInput,
): Promise<JudgedFinding[]> {
  const { contract, rows } = input;
  const byWindow = input.windowAsked || freshnessAgainst(contract) === 'window';
  const present = byWindow ? input.windowEnd : input.now;
  const findings: JudgedFinding[] = [];
  for (const { property, element, value, unit } of contract.slaProperties) {
    if (property === 'retention') continue;
    const column = element?.split('.').at(-1) ?? input.timeColumn;
    const newest = input.columns.has(column) ? await newestTime(duck, column) : null;
    const age = newest === null ? null : present.getTime() - newest;
    const name = `${column}.${property}`;
    const against = byWindow ? "the window's end" : 'now';
    findings.push(
      judged('error', {
        name,
        holds: age !== null && age <= milliseconds(`${value}${unit}`),
        value: age === null ? null : age / milliseconds(`1${unit}`),
        bound: value,
        rows,
        reason:
          age === null || newest === null
            ? `There is no time in column '${column}'; the newest row may be ${value}${unit} old.`
            : `The newest row is of ${new Date(newest).toISOString()}, ${(age / milliseconds(`1${unit}`)).toFixed(1)}${unit} before ${against}; it may be ${value}${unit} old.`,
      }),
    );
  }
  return findings;
}

async function newestTime(duck: Duck, column: string): Promise<number | null> {
  const [row] = await duck.rows(
    `SELECT epoch_ms(max(${eventTime(column)})) AS newest FROM ${judgedRows}`,
  );
  const newest = row?.['newest'];
  return newest == null ? null : Number(newest);
}
