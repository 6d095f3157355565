import { DuckDBInstance, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';

/** What is larger spills to the work folder; several activities share one machine. */
const memoryLimit = '4GB';

/** How far a statement has come, as DuckDB tells it: 0 to 1, or null while it does not know. */
export type Progress = (share: number | null) => void;

export interface DuckOptions {
  /** Files that SQL may read; nothing else on the machine can be reached. */
  reads: string[];
  /** The one folder that SQL may write to; spilled rows go there too. */
  workFolder: string;
  signal?: AbortSignal | undefined;
  onProgress?: Progress | undefined;
}

export interface Duck {
  run(sql: string, values?: DuckDBValue[]): Promise<void>;
  /** Rows as plain JSON values: 64-bit integers and timestamps come as text. */
  rows(sql: string, values?: DuckDBValue[]): Promise<Record<string, unknown>[]>;
  /** Throws DuckDB's error when the statement cannot be planned; runs nothing. */
  plan(sql: string): Promise<void>;
}

/**
 * Lends a connection in which a spec's SQL may run: it reaches the given files and folder only, loads no extension and cannot undo that.
 * One thread, so that the same rows give the same bytes in every file it writes. An aborted signal interrupts the running statement.
 */
export async function withDuckDb<T>(
  { reads, workFolder, signal, onProgress }: DuckOptions,
  work: (duck: Duck) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    temp_directory: workFolder,
    memory_limit: memoryLimit,
  });
  const connection = await instance.connect();
  const interrupt = () => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  const ticker = onProgress && setInterval(() => onProgress(progressOf(connection)), 500);
  try {
    await lockDown(connection, { reads, workFolder });
    return await work({
      run: async (sql, values) => {
        signal?.throwIfAborted();
        await connection.run(sql, values);
      },
      rows: async (sql, values) => {
        signal?.throwIfAborted();
        return (await connection.runAndReadAll(sql, values)).getRowObjectsJson();
      },
      plan: async (sql) => {
        (await connection.prepare(sql)).destroySync();
      },
    });
  } catch (error) {
    // What an interrupted statement throws says less than why it was interrupted.
    signal?.throwIfAborted();
    throw error;
  } finally {
    clearInterval(ticker);
    signal?.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
  }
}

/** The order matters: each of these settings takes away what the one before needed. */
async function lockDown(
  connection: DuckDBConnection,
  { reads, workFolder }: Pick<DuckOptions, 'reads' | 'workFolder'>,
): Promise<void> {
  await connection.run(`SET TimeZone = 'UTC'`);
  await connection.run(`SET allowed_paths = ${literalList(reads)}`);
  await connection.run(`SET allowed_directories = ${literalList([workFolder])}`);
  await connection.run(`SET enable_external_access = false`);
  await connection.run(`SET lock_configuration = true`);
}

function progressOf(connection: DuckDBConnection): number | null {
  const { percentage } = connection.progress;
  return percentage < 0 ? null : percentage / 100;
}

/** Files that a path or glob names, sorted. Runs apart from any SQL of a spec, since looking around needs an open connection. */
export async function listFiles(pattern: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const found = await connection.runAndReadAll('SELECT file FROM glob($1) ORDER BY file', [
      pattern,
    ]);
    return found.getColumnsJson()[0]?.map(String) ?? [];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** A name as DuckDB reads it, whatever characters it has. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
}

export function literalList(values: readonly (string | number)[]): string {
  return `[${values.map(literal).join(', ')}]`;
}

/** First line of what DuckDB says, without its drawing of the statement, which would show paths of this machine. */
export function duckMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? text;
}
