import { expect, test } from 'vitest';
import { contract, judgeRows, quarantineAll, trips } from './rows.js';

const property = {
  name: 'city',
  logicalType: 'string',
  logicalTypeOptions: { pattern: `^[A-Z]+'?$` },
};
const asked = { contract: contract({ properties: [property], customProperties: quarantineAll }) };

/** The words lie in a dictionary when they are few; a null matches no pattern and breaks none. */
test.each([
  ['one bad word', `CASE WHEN i % 10 = 0 THEN 'it''s' ELSE 'O''' END`, 30],
  ['one bad word among nulls', `CASE i % 10 WHEN 0 THEN 'a' WHEN 1 THEN NULL ELSE 'A' END`, 30],
  [
    'more bad words than one would list',
    `CASE WHEN i % 3 = 0 THEN 'w' || i % 120 ELSE 'A' END`,
    100,
  ],
  [
    'another word in each row',
    `CASE WHEN i % 3 = 0 THEN 'w' || i ELSE repeat('A', i::INTEGER) END`,
    100,
  ],
  ['no bad word', `'A'`, 0],
])('rows are found by %s', async (_, city, bad) => {
  const rows = `SELECT * REPLACE (${city} AS city) FROM (SELECT *, row_number() OVER () - 1 AS i FROM (${trips(300)}))`;
  const { validation } = await judgeRows(rows, asked);
  expect(validation.quarantined).toBe(bad);
  expect(validation.checks.find(({ name }) => name === 'city.pattern')?.value).toBe(bad);
});
