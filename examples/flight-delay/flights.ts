import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { openAirports } from './airports.js';

/** Three million US flights of January to June 2001, shipped in the npm package vega-datasets (data of the US Bureau of Transportation Statistics). */
const flightsFile = resolve(
  createRequire(import.meta.url).resolve('vega-datasets'),
  '../../data/flights-3m.parquet',
);

export type Airports = 'opening' | 'all';

/** A month's departures as SQL, from every airport or from those that are open by then. A flight's id is its place in the file. */
export function flightsOfMonth(month: number, airports: Airports): string {
  const names = openAirports(month);
  const open =
    names && airports === 'opening'
      ? `AND origin IN (${names.map((airport) => `'${airport}'`).join(', ')})`
      : '';
  return `SELECT file_row_number AS number, printf('F%07d', file_row_number) AS id, date, delay, distance, origin, destination
    FROM read_parquet('${flightsFile.replaceAll("'", "''")}', file_row_number = true)
    WHERE date >= TIMESTAMP '2001-0${month}-01' AND date < TIMESTAMP '2001-0${month}-01' + INTERVAL 1 MONTH ${open}`;
}

/** A large number for each flight, the same for ever: a seeded draw that needs no state. */
export function draw(seed: number): string {
  return `md5_number_lower(number || '/' || ${seed})`;
}

export async function withFlights<T>(
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
