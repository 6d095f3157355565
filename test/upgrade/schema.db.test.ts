import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrateDatabase } from '../../db/migrate.js';
import { requireKnownSchema, requireKnownSchemaIfThere } from '../../db/schema-needs.js';
import { silentLog } from '../../runtime/log.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

let database: FreshDatabase;
beforeEach(async () => {
  database = await freshDatabase();
});
afterEach(() => database.close());

test('a process works with the schema it brought, and with one that a newer release only added to', async () => {
  await database.db.execute(sql`ALTER TABLE model ADD COLUMN added_later text`);
  await database.db.execute(
    sql`INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ('later', 9999999999999)`,
  );
  await expect(requireKnownSchema(database.db)).resolves.toBeUndefined();
  await expect(migrateDatabase(database.url)).resolves.toBeUndefined();
});

test('a process that finds a schema it would misread stops with a sentence, and changes nothing', async () => {
  await database.db.execute(sql`UPDATE schema_needs SET migration = 9999999999999`);
  const refusal = { code: 'SCHEMA_NEWER' };
  await expect(requireKnownSchema(database.db)).rejects.toMatchObject(refusal);
  await expect(requireKnownSchemaIfThere(database.db, silentLog)).rejects.toMatchObject(refusal);
  await expect(migrateDatabase(database.url)).rejects.toMatchObject(refusal);
  const started = promisify(execFile)(process.execPath, ['runtime/launch.mjs', 'api/main.ts'], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: database.url, TEMPORAL_ADDRESS: '127.0.0.1:1' },
  });
  const { code, stderr, stdout } = await started.then(
    () => ({ code: 0, stderr: '', stdout: '' }),
    (error: unknown) => error as { code: number; stderr: string; stdout: string },
  );
  expect(code).toBe(1);
  expect(`${stderr}${stdout}`).toContain('it needs migration 9999999999999, the newest that this');
});

test('a schema from before there was such a mark is known', async () => {
  await database.db.execute(sql`DROP TABLE schema_needs`);
  await expect(requireKnownSchema(database.db)).resolves.toBeUndefined();
});
