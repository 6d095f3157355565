import { milliseconds } from '../contracts/duration.js';
import { PerennialError } from '../contracts/errors.js';
import type { TimeWindow } from '../contracts/names.js';
import type { ModelSpec } from '../contracts/spec.js';
import { duckMessage, type Duck } from './duckdb.js';
import { eventTime } from './source.js';

/**
 * The window a snapshot covers: the one asked for, else `data.window` back from the newest row, else everything there is. Its end lies just
 * after the newest row, as windows leave their end out. Throws SOURCE_EMPTY when no row has an event time.
 */
export async function chooseWindow(
  duck: Duck,
  relation: string,
  data: ModelSpec['data'],
  asked: TimeWindow | undefined,
): Promise<TimeWindow> {
  if (asked) return { from: utc(Date.parse(asked.from)), to: utc(Date.parse(asked.to)) };
  const { oldest, newest } = await timeRange(duck, relation, data.source.timeColumn);
  const from = data.window === undefined ? oldest : newest - milliseconds(data.window);
  return { from: utc(from), to: utc(newest + 1) };
}

async function timeRange(
  duck: Duck,
  relation: string,
  column: string,
): Promise<{ oldest: number; newest: number }> {
  const time = eventTime(column);
  const [row] = await duck
    .rows(
      `SELECT epoch_ms(min(${time})) AS oldest, epoch_ms(max(${time})) AS newest FROM ${relation}`,
    )
    .catch((error: unknown) => {
      throw new PerennialError(
        'SOURCE_UNREADABLE',
        `data.source.timeColumn is '${column}': ${duckMessage(error)}`,
      );
    });
  if (row?.['newest'] == null)
    throw new PerennialError(
      'SOURCE_EMPTY',
      `No row of the source has an event time in '${column}'.`,
    );
  return { oldest: Number(row['oldest']), newest: Number(row['newest']) };
}

/** Rows in the window. Rows without an event time are in every window: no window may hide them from the contract. */
export function inWindow(column: string, window: TimeWindow): string {
  const time = eventTime(column);
  return `(${time} IS NULL OR (${time} >= ${timestamp(window.from)} AND ${time} < ${timestamp(window.to)}))`;
}

function timestamp(instant: string): string {
  return `TIMESTAMP '${utc(Date.parse(instant)).replace('T', ' ').replace('Z', '')}'`;
}

function utc(epochMilliseconds: number): string {
  return new Date(epochMilliseconds).toISOString();
}
