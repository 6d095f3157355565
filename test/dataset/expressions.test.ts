import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { changingFunctions } from '../../dataset/repeatable.js';
import { query } from '../support/parquet.js';
import { contract, data, judgeRows, quarantineAll, trips, type DataInput } from './rows.js';

const feature = (expression: string): Partial<DataInput> => ({
  features: [{ name: 'far', type: 'number', expression }],
});
const refusal = async (overrides: Partial<DataInput>, promised = contract()) =>
  judgeRows(trips(20), { data: data(overrides), contract: promised }).then(
    () => 'accepted',
    ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
  );

describe('SQL that a person wrote', () => {
  test.each([
    `(SELECT count(*) FROM read_csv('/etc/passwd'))`,
    `(SELECT max(content) FROM read_text('/etc/passwd'))`,
    `(SELECT count(*) FROM '/etc/passwd')`,
    `(SELECT count(*) FROM glob('/etc/*'))`,
  ])('reaches no other file: %s', async (expression) => {
    expect(await refusal(feature(expression))).toMatch(/^EXPRESSION_INVALID: .*feature 'far'/);
  });

  test.each([
    ['a second statement', `1; DROP TABLE prepared`],
    ['a way out of its parentheses', `1) + (2`],
    ['a clause', `1 FROM judged WHERE true`],
    ['a second column', `1, 2`],
    ['every column', `*`],
    ['an aggregate', `avg(distance)`],
    ['a column that is not there', `speed`],
    ['something that is no SQL', `hour(`],
    ['a change of the settings', `1; SET enable_external_access = true`],
  ])('is refused when it is %s', async (_, expression) => {
    expect(await refusal(feature(expression))).toMatch(/^EXPRESSION_INVALID: .*feature 'far'/);
  });

  test.each([
    ['random()', 'random()'],
    ['CASE WHEN city = (SELECT max(u) FROM (SELECT UUID()::VARCHAR AS u)) THEN 1 END', 'uuid()'],
    ['epoch(now())', 'now()'],
    ['date_diff(\'day\', "at", Current_Date)', 'current_date'],
    ['epoch(age("at"))', 'age()'],
    ['len(list_filter([1, 2], x -> x > 2 * random()))', 'random()'],
    ['(SELECT max(distance) FROM (SELECT distance FROM judged USING SAMPLE 3))', 'a sample'],
  ])('is refused when its answer changes: %s', async (expression, what) => {
    expect(await refusal(feature(expression))).toContain(
      `${expression}': it uses ${what}, whose answer is not always the same`,
    );
    const rule = { type: 'sql', name: 'changing', query: `${expression} > 0` };
    expect(await refusal({}, contract({ quality: [rule] }))).toMatch(/^CONTRACT_INVALID: /);
  });

  test('may use a column that is called like the clock', async () => {
    const rows = `SELECT *, DATE '2024-03-01' AS "current_date" FROM (${trips(20)})`;
    const asked = { data: data(feature(`date_diff('day', "at", current_date)`)) };
    expect((await judgeRows(rows, asked)).validation.verdict).toBe('pass');
  });

  test('knows every function that DuckDB itself calls unstable', async () => {
    const unstable = await query(
      `SELECT DISTINCT function_name AS name FROM duckdb_functions() WHERE stability <> 'CONSISTENT' AND function_name <> 'error'`,
    );
    expect(unstable.length).toBeGreaterThan(20);
    expect(unstable.filter(({ name }) => !changingFunctions.has(String(name)))).toEqual([]);
  });

  test('may end in a comment', async () => {
    expect(await refusal(feature('distance * 2 -- miles'))).toBe('accepted');
  });

  test('is named when it fails on a row', async () => {
    expect(await refusal(feature(`CAST(city AS INTEGER)`))).toMatch(
      /^EXPRESSION_INVALID: .*feature 'far' fails on the rows: Conversion Error/,
    );
    expect(await refusal({ label: { expression: 'CAST(city AS INTEGER)' } })).toMatch(
      /^EXPRESSION_INVALID: .*data\.label fails on the rows/,
    );
  });

  test('is the contract’s fault when it stands there', async () => {
    const withRule = (query: string) =>
      contract({ quality: [{ type: 'sql', name: 'far', query }] });
    expect(await refusal({}, withRule('speed > 1'))).toMatch(/^CONTRACT_INVALID: .*rule 'far'/);
    expect(await refusal({}, withRule(`CAST(city AS INTEGER) > 1`))).toMatch(
      /^CONTRACT_INVALID: .*rule 'far' fails on the rows/,
    );
  });

  test('of a pattern is refused when it is no regular expression', async () => {
    const property = { name: 'city', logicalType: 'string', logicalTypeOptions: { pattern: '[' } };
    expect(await refusal({}, contract({ properties: [property] }))).toMatch(
      /^CONTRACT_INVALID: The pattern '\[' of property 'city'/,
    );
  });
});

describe('prepared rows', () => {
  test('hold entity, time, features and label by type, and no null', async () => {
    const { artifacts, validation } = await judgeRows(
      `SELECT * REPLACE (nullif(distance, 2) AS distance, nullif(city, 'B') AS city) FROM (${trips(20)})`,
    );
    const train = await artifacts.localPath(validation.channels!.train);
    expect(
      await query(
        `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('${train}'))`,
      ),
    ).toEqual(
      [
        ['entity', 'VARCHAR'],
        ['event_time', 'TIMESTAMP'],
        ['distance', 'FLOAT'],
        ['city', 'VARCHAR'],
        ['label', 'UTINYINT'],
      ].map(([column_name, column_type]) => ({ column_name, column_type })),
    );
    expect(
      await query(
        `SELECT entity, isnan(distance) AS missing, city, label FROM read_parquet('${train}') LIMIT 2`,
      ),
    ).toEqual([
      { entity: 't0', missing: false, city: 'A', label: 1 },
      { entity: 't1', missing: true, city: '', label: 0 },
    ]);
  });

  test('keep the newest share from the trainer', async () => {
    const { artifacts, validation } = await judgeRows(trips(200), {
      data: data({ holdout: 0.25 }),
    });
    const { train, holdout, trainRows, holdoutRows } = validation.channels!;
    expect({ trainRows, holdoutRows }).toEqual({ trainRows: 150, holdoutRows: 50 });
    const paths = [await artifacts.localPath(train), await artifacts.localPath(holdout)];
    const [times] = await query(
      `SELECT (SELECT max(event_time) FROM read_parquet('${paths[0]}')) < (SELECT min(event_time) FROM read_parquet('${paths[1]}')) AS apart`,
    );
    expect(times?.['apart']).toBe(true);
  });

  test('cannot be split when all are of one instant', async () => {
    const rows = `SELECT * REPLACE (TIMESTAMP '2024-03-01' AS "at") FROM (${trips(20)})`;
    await expect(judgeRows(rows)).rejects.toMatchObject({ code: 'SOURCE_EMPTY' });
  });

  test('and quarantine have the same bytes each time', async () => {
    const rows = `SELECT * REPLACE (CASE WHEN random() >= 0 AND id[-1] = '3' THEN NULL ELSE distance END AS distance) FROM (${trips(3_000)})`;
    const promised = contract({
      properties: [{ name: 'distance', logicalType: 'integer', required: true }],
      customProperties: quarantineAll,
    });
    const [first, second] = [
      await judgeRows(rows, { contract: promised }),
      await judgeRows(rows, { contract: promised }),
    ];
    const digests = ({ validation: { channels, quarantine } }: typeof first) =>
      [channels?.train, channels?.holdout, quarantine].map((each) => each?.sha256);
    expect(digests(first)).toEqual(digests(second));
  });
});

test('every row is either clean or in quarantine, and never both', async () => {
  const row = fc.record({
    distance: fc.option(fc.integer({ min: -3, max: 30 })),
    city: fc.option(fc.constantFrom('A', 'B', 'c', '')),
    id: fc.integer({ min: 0, max: 12 }),
    late: fc.option(fc.integer({ min: 0, max: 2 })),
  });
  const promised = contract({
    properties: [
      { name: 'id', logicalType: 'integer', primaryKey: true },
      { name: 'distance', logicalType: 'integer', logicalTypeOptions: { minimum: 0, maximum: 25 } },
      { name: 'city', logicalType: 'string', logicalTypeOptions: { pattern: '^[A-Z]$' } },
    ],
    quality: [{ type: 'sql', query: `distance <> 7`, severity: 'warning' }],
    customProperties: quarantineAll,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
      // Two good rows at both ends of time, so that there always is something to split.
      const all = [
        { id: 100, distance: 1, city: 'A', late: 1 },
        ...rows,
        { id: 101, distance: 1, city: 'B', late: 0 },
      ];
      const values = all.map(
        ({ id, distance, city, late }, index) =>
          `(${id}, TIMESTAMP '2024-03-01' + INTERVAL ${index} HOUR, ${distance ?? 'NULL'}, ${city === null ? 'NULL' : `'${city}'`}, ${late ?? 'NULL'})`,
      );
      const { artifacts, validation } = await judgeRows(
        `FROM (VALUES ${values.join(', ')}) AS trips(id, "at", distance, city, late)`,
        { data: data({ holdout: 0.5 }), contract: promised },
      );
      const { channels } = validation;
      expect(validation.rows).toBe(all.length);
      expect(
        (channels?.trainRows ?? 0) + (channels?.holdoutRows ?? 0) + validation.quarantined,
      ).toBe(all.length);

      const seen = new Set<number>();
      const good = all.filter(({ id, distance, city, late }) => {
        const first = !seen.has(id);
        seen.add(id);
        return (
          first &&
          (distance === null || (distance >= 0 && distance <= 25)) &&
          (city === null || /^[A-Z]$/.test(city)) &&
          (late === 0 || late === 1)
        );
      });
      expect(validation.quarantined).toBe(all.length - good.length);
      const bad = validation.quarantine
        ? await query(
            `SELECT len(reasons) AS reasons FROM read_parquet('${await artifacts.localPath(validation.quarantine)}')`,
          )
        : [];
      expect(bad).toHaveLength(validation.quarantined);
      expect(bad.every((each) => Number(each['reasons']) > 0)).toBe(true);
    }),
    { numRuns: 10 },
  );
}, 60_000);
