import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nameBeside } from '../../dataset/validation/own-names.js';
import { query } from '../support/parquet.js';
import { contract, data, judge, judgeRows, quarantineAll, trips, workplace } from './rows.js';

const promised = contract({
  properties: [
    { name: 'id', logicalType: 'string', unique: true },
    { name: 'city', logicalType: 'string', logicalTypeOptions: { pattern: '^[A-Z]$' } },
  ],
  quality: [{ type: 'sql', query: 'place < 19', severity: 'warning' }],
  customProperties: quarantineAll,
});

/** Each name that judging uses itself. */
const ours =
  `place bad0 bad3 BAD4 stray found repeats ascends rows kept file_row_number snapshot_row Reasons rejected_file rejected_line rejected_text`.split(
    ' ',
  );

test('a name of ours gives way to a column of the source, whatever its capitals', () => {
  expect(nameBeside(['id', 'at'], 'place')).toBe('place');
  expect(nameBeside(['id', 'PLACE', 'place_'], 'place')).toBe('place__');
});

test('a source may call its columns as judging calls its own', async () => {
  const named = ours.map((name) => `i AS "${name}"`).join(', ');
  const rows = `SELECT * EXCLUDE (i) REPLACE (CASE WHEN i = 4 THEN 't3' ELSE id END AS id, CASE WHEN i = 7 THEN '?' ELSE city END AS city)
    FROM (SELECT *, ${named}, i FROM (SELECT *, row_number() OVER () - 1 AS i FROM (${trips(20)})))`;
  const { artifacts, validation } = await judgeRows(rows, { contract: promised });
  expect(validation).toMatchObject({ verdict: 'pass', quarantined: 2 });
  expect(validation.channels).toMatchObject({ trainRows: 15, holdoutRows: 3 });
  expect(validation.examples).toEqual([
    'row 4 (id=t3, city=A): id repeats that of an earlier row',
    'row 7 (id=t7, city=?): city does not match ^[A-Z]$',
  ]);
  const file = await artifacts.localPath(validation.quarantine!);
  const kept = await query(`SELECT * FROM read_parquet('${file}')`);
  expect(kept.map((row) => row['snapshot_row_'])).toEqual(['4', '7']);
  expect(kept.map((row) => row['reasons_'])).toEqual([
    ['id repeats that of an earlier row'],
    ['city does not match ^[A-Z]$'],
  ]);
  for (const name of ours) expect(kept.map((row) => row[name])).toEqual(['4', '7']);
});

test('lines of a CSV that cannot be read keep apart from columns of those names', async () => {
  const place = await workplace();
  const lines = ['id,at,distance,city,late,reasons,rejected_line'];
  for (let i = 0; i < 20; i += 1)
    lines.push(`t${i},2024-03-01 ${String(i).padStart(2, '0')}:00:00,${i},A,${i % 2},none,none`);
  lines.push('t20,2024-03-01 20:00:00,20');
  await writeFile(join(place.base, 'trips.csv'), `${lines.join('\n')}\n`);
  const { validation } = await judge(place, {
    data: data({
      source: { format: 'csv', path: 'trips.csv', timeColumn: 'at' },
      features: [{ name: 'distance', type: 'number', expression: 'distance::DOUBLE' }],
      label: { expression: 'late::INTEGER' },
    }),
    contract: contract({ customProperties: quarantineAll }),
  });
  expect(validation.quarantined).toBe(1);
  expect(validation.examples[0]).toMatch(/^trips\.csv line 22: the line cannot be read/);
});
