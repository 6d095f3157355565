import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { connectDatabase, type Connection } from '../../db/connect.js';
import { silentLog } from '../../runtime/log.js';

export interface FreshDatabase extends Omit<Connection, 'close'> {
  close: () => Promise<void>;
  url: string;
}

/** A database of its own with the whole schema and no rows; `close` drops it. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const template = new URL(inject('templateDatabase'));
  const templateName = template.pathname.slice(1);
  const name = `test_${randomBytes(8).toString('hex')}`;
  await administrate(`CREATE DATABASE ${name} TEMPLATE ${templateName}`);
  const url = new URL(template);
  url.pathname = `/${name}`;
  const connection = connectDatabase({ url: url.href, log: silentLog });
  return {
    ...connection,
    url: url.href,
    close: async () => {
      await connection.close();
      await administrate(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Runs a statement about databases through the one called `postgres`: a template, for one, can be cloned only while nobody is connected to it. */
export async function administrate(statement: string): Promise<void> {
  const url = new URL(inject('templateDatabase'));
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
