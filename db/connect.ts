import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import type { Log } from '../runtime/log.js';

/** A pool's database or a transaction in it: queries take either. */
export type Database = NodePgDatabase;
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];
export type Executor = Database | Transaction;

export interface Connection {
  db: Database;
  pool: pg.Pool;
  close(): Promise<void>;
}

/** Opens a pool. A lost server is logged and met again at the next query; without the listener it would end the process. */
export function connectDatabase({
  url,
  log,
  max = 8,
}: {
  url: string;
  log: Log;
  max?: number;
}): Connection {
  const pool = new pg.Pool({ connectionString: url, max, application_name: 'perennial' });
  pool.on('error', (error) => log.warn('A database connection was lost', { error }));
  return { db: drizzle(pool), pool, close: () => pool.end() };
}
