import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ArtifactRef } from '../../contracts/names.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { temporaryFolder } from './artifacts.js';

/** Runs SQL in a database of its own and returns the rows as JSON values. */
export async function query(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Lays down what a SELECT answers. */
export async function writeParquet(file: string, select: string): Promise<void> {
  await query(`COPY (${select}) TO '${file}' (FORMAT parquet)`);
}

/** Keeps what a SELECT answers, as a channel of a training is kept. */
export async function keepRows(artifacts: ArtifactStore, select: string): Promise<ArtifactRef> {
  const file = join(await temporaryFolder(), 'rows.parquet');
  await writeParquet(file, select);
  return artifacts.keepFile(file, 'channel');
}
