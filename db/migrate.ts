import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { PerennialError } from '../contracts/errors.js';
import { requireKnownSchema } from './schema-needs.js';

/** Any number, the same in every process: whoever holds it migrates, the others wait and find the work done. */
const migrationLock = 7_280_001;

/** Brings the schema up to date. Harmless to run again and at once from many processes: an advisory lock lets one through at a time. Throws SCHEMA_NEWER. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'perennial-migrate' });
  await client.connect().catch((cause: Error) => {
    const { host } = new URL(url);
    throw new PerennialError(
      'DATABASE_UNAVAILABLE',
      `There is no PostgreSQL to work with at ${host}: ${cause.message}`,
      {},
      { cause },
    );
  });
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    const db = drizzle(client);
    await requireKnownSchema(db);
    await migrate(db, {
      migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)),
    });
  } finally {
    await client.end();
  }
}
