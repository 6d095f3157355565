import { describe, expect, test } from 'vitest';
import { query } from '../support/parquet.js';
import { contract, judgeRows, quarantineAll, trips } from './rows.js';

const unique = contract({
  properties: [{ name: 'id', logicalType: 'integer', unique: true }],
  customProperties: quarantineAll,
});

/** As many trips as there are keys, in this order; a key is SQL over `i`, the number of the trip. */
function keyed(count: number, key: string): string {
  return `SELECT * REPLACE (k AS id) FROM (SELECT *, ${key} AS k FROM (SELECT *, row_number() OVER () - 1 AS i FROM (${trips(count)}))) ORDER BY i`;
}

async function placesInQuarantine(rows: string): Promise<number[]> {
  const { artifacts, validation } = await judgeRows(rows, { contract: unique });
  const { quarantine } = validation;
  if (!quarantine) return [];
  const file = await artifacts.localPath(quarantine);
  const found = await query(`SELECT snapshot_row FROM read_parquet('${file}') ORDER BY ALL`);
  return found.map((row) => Number(row['snapshot_row']));
}

describe('a repeated key goes to quarantine, and its first row does not', () => {
  test.each([
    ['in ascending order', 'CASE WHEN i IN (7, 8) THEN 6 ELSE i END', [7, 8]],
    ['in descending order', 'CASE WHEN i IN (7, 8) THEN 100 - 6 ELSE 100 - i END', [7, 8]],
    ['without order', 'CASE WHEN i IN (3, 19) THEN 0 ELSE (i * 7) % 20 END', [3, 19]],
    ['with nulls in between', 'CASE WHEN i = 5 THEN 4 WHEN i % 2 = 1 THEN NULL ELSE i END', [5]],
    ['across a null', 'CASE i WHEN 5 THEN NULL WHEN 6 THEN 4 ELSE i END', [6]],
    ['that is null', 'CASE WHEN i % 3 = 0 THEN NULL ELSE i END', []],
  ])('%s', async (_, key, places) => {
    const repeated = await placesInQuarantine(keyed(20, key));
    // A null is no entity, and so in quarantine for that reason.
    const nulls = (
      await query(`SELECT i FROM (SELECT i, ${key} AS k FROM range(20) AS t(i)) WHERE k IS NULL`)
    ).map(({ i }) => Number(i));
    expect(repeated.filter((place) => !nulls.includes(place))).toEqual(places);
  });

  test('however late the order breaks', async () => {
    const late = 'CASE i WHEN 29998 THEN 3 WHEN 29999 THEN 29000 ELSE i END';
    expect(await placesInQuarantine(keyed(30_000, late))).toEqual([29_998, 29_999]);
  });
});
