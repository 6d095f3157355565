import { PerennialError } from '../contracts/errors.js';
import { migrateDatabase } from '../db/migrate.js';
import { loadConfig } from '../runtime/config.js';

/** Brings the database that DATABASE_URL names up to date, before the processes that stand on it start. Harmless to run again. */
const { databaseUrl } = loadConfig();
if (databaseUrl === undefined)
  throw new PerennialError('CONFIG_INVALID', 'DATABASE_URL is not set: it names the database.');
await migrateDatabase(databaseUrl);
process.stdout.write('The database is up to date.\n');
