import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { draw, flightsOfMonth, withFlights, type Airports } from './flights.js';

export interface LandMonthInput {
  /** 1 to 6, of the year 2001. */
  month: number;
  /** Where the file is laid down; made when it is not there. */
  folder: string;
  /** `opening` (the default): only flights from airports that are open by then. `all`: every flight of the month. */
  airports?: Airports;
  /** Spoil a few rows on purpose, so that there is something to quarantine; true by default. */
  spoil?: boolean;
}

export interface LandedMonth {
  file: string;
  rows: number;
  /** Rows spoiled on purpose: about 5 in 1,000, under the contract's limit of 1 in 100. */
  spoiled: number;
}

const seed = 2001;

/** What happens to the first five of a thousand draws. Everything else stays as it was measured. */
const spoils = `
  CASE WHEN spoil = 0 THEN NULL WHEN spoil = 1 THEN -distance ELSE distance END AS distance,
  CASE WHEN spoil = 2 THEN 99999 ELSE delay END AS delay,
  CASE WHEN spoil = 3 THEN '???' ELSE origin END AS origin`;

/**
 * Lays `flights-2001-0M.parquet` down as a nightly export would: whole or not at all. The same month gives the same file. A fifth of
 * the spoiled rows are repeated flights, the others miss or break a value.
 */
export async function landMonth({
  month,
  folder,
  airports = 'opening',
  spoil = true,
}: LandMonthInput): Promise<LandedMonth> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, `flights-2001-0${month}.parquet`);
  const unfinished = `${file}.unfinished`;
  return withFlights(async (connection) => {
    await connection.run('SET threads = 1');
    await connection.run(
      `CREATE TABLE landing AS
       SELECT *, ${spoil ? `${draw(seed)} % 1000` : '1000'} AS spoil FROM (${flightsOfMonth(month, airports)})`,
    );
    await connection.run(
      'INSERT INTO landing SELECT * REPLACE (1001 AS spoil) FROM landing WHERE spoil = 4',
    );
    await connection.run(
      `COPY (SELECT id, date, destination, ${spoils} FROM landing ORDER BY number, spoil)
       TO '${unfinished.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
    );
    const counts = await connection.runAndReadAll(
      'SELECT count(*), sum((spoil IN (0, 1, 2, 3, 1001))::INTEGER) FROM landing',
    );
    const [rows, spoiled] = counts.getRowsJson()[0] ?? [];
    await rename(unfinished, file);
    return { file, rows: Number(rows), spoiled: Number(spoiled) };
  });
}
