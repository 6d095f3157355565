import { expect, test } from 'vitest';
import { freshDatabase } from '../support/postgres.js';

test('two fresh databases have the whole schema and do not see each other', async () => {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
  await one.pool.query(`INSERT INTO model (name, team) VALUES ('flight-delay', 'ops')`);
  expect((await one.pool.query('SELECT name FROM model')).rowCount).toBe(1);
  expect((await other.pool.query('SELECT name FROM model')).rowCount).toBe(0);
  await Promise.all([one.close(), other.close()]);
});
