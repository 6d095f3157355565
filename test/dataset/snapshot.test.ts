import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { splitHeader } from '../../dataset/csv.js';
import { query, writeParquet } from '../support/parquet.js';
import { contract, data, judge, quarantineAll, snapshotOf, trips, workplace } from './rows.js';

const csv = data({ source: { format: 'csv', path: 'trips.csv', timeColumn: 'at' } });
const csvContract = contract({
  properties: [
    { name: 'id', logicalType: 'string' },
    { name: 'distance', logicalType: 'integer' },
    { name: 'late', logicalType: 'boolean' },
  ],
  customProperties: quarantineAll,
});

async function csvPlace(lines: string[]) {
  const place = await workplace();
  await writeFile(
    join(place.base, 'trips.csv'),
    ['id,at,distance,city,late', ...lines, ''].join('\n'),
  );
  return place;
}

const goodLines = Array.from(
  { length: 8 },
  (_, index) => `t${index},2024-03-01 0${index}:00:00,${index + 1},A,${index % 2 === 0}`,
);

describe('a snapshot', () => {
  test('has the same digest for the same rows, in another folder and store too, and leaves nothing behind', async () => {
    const places = [await workplace(), await workplace()];
    for (const place of places) await writeParquet(join(place.base, 'trips.parquet'), trips(5_000));
    const digests = await Promise.all(
      [...places, ...places].map(async (place) => (await snapshotOf(place)).snapshot.digest),
    );
    expect(new Set(digests).size).toBe(1);
    for (const place of places) {
      const kept = [];
      for await (const each of place.artifacts.list()) kept.push(each.sha256);
      expect(kept).toHaveLength(2); // rows and manifest
      expect(await readdir(place.workFolder)).toEqual([]);
    }
  });

  test('has another digest when one value differs', async () => {
    const [one, other] = [await workplace(), await workplace()];
    await writeParquet(join(one.base, 'trips.parquet'), trips(50));
    await writeParquet(
      join(other.base, 'trips.parquet'),
      `SELECT * REPLACE (distance + (id = 't9')::BIGINT AS distance) FROM (${trips(50)})`,
    );
    expect((await snapshotOf(one)).snapshot.digest).not.toBe(
      (await snapshotOf(other)).snapshot.digest,
    );
  });

  test('keeps the order of rows over the sorted files of a glob', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips-2.parquet'), `FROM (${trips(6)}) OFFSET 3`);
    await writeParquet(join(place.base, 'trips-1.parquet'), `FROM (${trips(6)}) LIMIT 3`);
    const { manifest } = await snapshotOf(place);
    const [file] = manifest.files;
    const path = await place.artifacts.localPath(file!.artifact);
    const rows = await query(`SELECT id FROM read_parquet('${path}')`);
    expect(rows.map((row) => row['id'])).toEqual(['t0', 't1', 't2', 't3', 't4', 't5']);
  });

  test('fills columns that only newer files have', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips-1.parquet'), trips(3));
    await writeParquet(
      join(place.base, 'trips-2.parquet'),
      `SELECT *, 1 AS fare FROM (${trips(3)})`,
    );
    const { manifest } = await snapshotOf(place);
    expect(manifest.columns.find((column) => column.name === 'fare')).toMatchObject({
      nulls: 3,
      minimum: '1',
    });
  });

  test('finds its files in a folder with brackets in its name', async () => {
    const place = await workplace();
    const base = join(place.base, 'a[1]*');
    await mkdir(base);
    await writeParquet(join(base, 'trips-1.parquet'), trips(4));
    expect((await snapshotOf({ ...place, base })).snapshot.rows).toBe(4);
  });

  test('says what it holds: rows, columns, nulls and ranges', async () => {
    const place = await workplace();
    await writeParquet(
      join(place.base, 'trips.parquet'),
      `SELECT * REPLACE (nullif(distance, 3) AS distance) FROM (${trips(20)})`,
    );
    const { snapshot, manifest } = await snapshotOf(place);
    expect(snapshot).toMatchObject({ rows: 20, bytes: manifest.bytes });
    expect(snapshot.manifest.sha256).toBe(snapshot.digest);
    expect(manifest.source).toEqual({ format: 'parquet', path: 'trips*.parquet' });
    expect(manifest.columns).toContainEqual({
      name: 'distance',
      type: 'BIGINT',
      nulls: 1,
      minimum: '1',
      maximum: '20',
    });
  });
});

describe('the window', () => {
  test('is half-open', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips.parquet'), trips(20));
    const window = { from: '2024-03-01T02:00:00Z', to: '2024-03-01T05:00:00Z' };
    const { snapshot } = await snapshotOf(place, { window });
    expect(snapshot).toMatchObject({ rows: 3, windowAsked: true });
  });

  test('reaches back from the newest row, which it includes', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips.parquet'), trips(20));
    const { snapshot } = await snapshotOf(place, { data: data({ window: '4h' }) });
    expect(snapshot.window).toEqual({
      from: '2024-03-01T15:00:00.000Z',
      to: '2024-03-01T19:00:00.001Z',
    });
    expect(snapshot).toMatchObject({ rows: 5, windowAsked: false });
  });

  test('is everything when the spec names none', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips.parquet'), trips(20));
    expect((await snapshotOf(place)).snapshot.rows).toBe(20);
  });

  test('hides no row without an event time', async () => {
    const place = await workplace();
    await writeParquet(
      join(place.base, 'trips.parquet'),
      `SELECT * REPLACE (CASE WHEN id <> 't3' THEN "at" END AS "at") FROM (${trips(20)})`,
    );
    expect((await snapshotOf(place, { data: data({ window: '4h' }) })).snapshot.rows).toBe(6);
  });
});

describe('CSV', () => {
  test('is read by the types of the contract', async () => {
    const { manifest } = await snapshotOf(await csvPlace(goodLines), {
      data: csv,
      contract: csvContract,
    });
    expect(manifest).toMatchObject({ rows: 8, rejected: 0, rejects: null });
    const types = Object.fromEntries(manifest.columns.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({ id: 'VARCHAR', at: 'TIMESTAMP', distance: 'BIGINT' });
  });

  test('that cannot be read in places is kept in quarantine line by line', async () => {
    const place = await csvPlace([
      ...goodLines,
      't8,2024-03-01 08:00:00,far,A,true',
      't9,2024-03-01 09:00:00,10,A,true,what is this',
    ]);
    const { manifest, validation } = await judge(place, { data: csv, contract: csvContract });
    expect(manifest).toMatchObject({ rows: 8, rejected: 2 });
    expect(validation).toMatchObject({ rows: 10, quarantined: 2, verdict: 'pass' });
    expect(validation.examples).toEqual([
      'trips.csv line 10: the line cannot be read: cast in column distance',
      expect.stringMatching(/^trips\.csv line 11: the line cannot be read: too many columns/),
    ]);
    const quarantine = await place.artifacts.localPath(validation.quarantine!);
    const rows = await query(`SELECT rejected_text FROM read_parquet('${quarantine}')`);
    expect(rows.map((row) => row['rejected_text'])).toEqual([
      't8,2024-03-01 08:00:00,far,A,true',
      't9,2024-03-01 09:00:00,10,A,true,what is this',
    ]);
  });

  test('reads quoted commas and line breaks as one value', async () => {
    const place = await csvPlace([...goodLines, 't8,2024-03-01 08:00:00,9,"A, or\nB",true']);
    const { manifest } = await snapshotOf(place, { data: csv, contract: csvContract });
    expect(manifest).toMatchObject({ rows: 9, rejected: 0 });
    expect(manifest.columns.find((column) => column.name === 'city')?.maximum).toBe('A, or\nB');
  });

  test('with other columns in one of its files is refused', async () => {
    const place = await csvPlace(goodLines);
    await writeFile(join(place.base, 'trips2.csv'), 'id,at\nt1,2024-03-01 00:00:00\n');
    const spec = data({ source: { format: 'csv', path: 'trips*.csv', timeColumn: 'at' } });
    await expect(snapshotOf(place, { data: spec, contract: csvContract })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('trips2.csv has the columns id, at') as string,
    });
  });
});

test.each([
  ['a,b\n1,2', ['a', 'b']],
  ['a,b', ['a', 'b']],
  ['"a,1","b ""2"""\r\n', ['a,1', 'b "2"']],
  ['"a\nb",c\n', ['a\nb', 'c']],
])('the header %j has the columns %j', (text, names) => {
  expect(splitHeader(text)).toEqual(names);
});

describe('a source that cannot be used', () => {
  test('is refused when there is no such file', async () => {
    await expect(snapshotOf(await workplace())).rejects.toMatchObject({
      code: 'SOURCE_NOT_FOUND',
      message: `data.source.path is 'trips*.parquet': no such file.`,
    });
  });

  test('is refused when a file is not what the format says, without naming the folder', async () => {
    const place = await workplace();
    await writeFile(join(place.base, 'trips.parquet'), 'not parquet at all');
    const refusal = await snapshotOf(place).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ code: 'SOURCE_UNREADABLE' });
    expect((refusal as Error).message).not.toContain(place.base);
  });

  test('is refused when it has no such time column, naming those there are', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips.parquet'), trips(3));
    const spec = data({ source: { format: 'parquet', path: 'trips.parquet', timeColumn: 'when' } });
    await expect(snapshotOf(place, { data: spec })).rejects.toMatchObject({
      code: 'SOURCE_UNREADABLE',
      message: expect.stringContaining('id, at, distance, city, late') as string,
    });
  });

  test('is refused when the window is empty', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips.parquet'), trips(3));
    const window = { from: '2020-01-01T00:00:00Z', to: '2020-02-01T00:00:00Z' };
    await expect(snapshotOf(place, { window })).rejects.toMatchObject({ code: 'SOURCE_EMPTY' });
  });

  test('stops when it is no longer wanted', async () => {
    const place = await workplace();
    await writeParquet(join(place.base, 'trips.parquet'), trips(3));
    const { takeSnapshot } = await import('../../dataset/snapshot.js');
    const signal = AbortSignal.abort(new Error('cancelled'));
    await expect(
      takeSnapshot({ ...place, data: data(), contract: contract(), signal }),
    ).rejects.toThrow('cancelled');
  });
});
