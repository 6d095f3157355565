import { describe, expect, test } from 'vitest';
import { compileContract } from '../../dataset/validation/contract-sql.js';
import { rowFinding } from '../../dataset/validation/finding.js';
import { contract, judgeRows, quarantineAll, trips } from './rows.js';

/** Two of twenty trips get the value; the rest stay good. */
function spoiled(column: string, value: string): string {
  return `SELECT * REPLACE (CASE WHEN id IN ('t4', 't7') THEN ${value} ELSE ${column} END AS ${column}) FROM (${trips(20)})`;
}

const cases: {
  kind: string;
  property: Record<string, unknown>;
  bad: string;
  name: string;
  reason: string;
}[] = [
  {
    kind: 'a missing value',
    property: { name: 'distance', logicalType: 'integer', required: true },
    bad: spoiled('distance', 'NULL'),
    name: 'distance.required',
    reason: 'distance is missing',
  },
  {
    kind: 'a value below the minimum',
    property: { name: 'distance', logicalType: 'integer', logicalTypeOptions: { minimum: 1 } },
    bad: spoiled('distance', '0'),
    name: 'distance.minimum',
    reason: 'distance is below 1',
  },
  {
    kind: 'a value above the maximum',
    property: { name: 'distance', logicalType: 'number', logicalTypeOptions: { maximum: 20 } },
    bad: spoiled('distance', '21'),
    name: 'distance.maximum',
    reason: 'distance is above 20',
  },
  {
    kind: 'text that is too short',
    property: { name: 'city', logicalType: 'string', logicalTypeOptions: { minLength: 1 } },
    bad: spoiled('city', `''`),
    name: 'city.minLength',
    reason: 'city is shorter than 1 characters',
  },
  {
    kind: 'text that is too long',
    property: { name: 'city', logicalType: 'string', logicalTypeOptions: { maxLength: 1 } },
    bad: spoiled('city', `'AA'`),
    name: 'city.maxLength',
    reason: 'city is longer than 1 characters',
  },
  {
    kind: 'text outside a pattern',
    property: { name: 'city', logicalType: 'string', logicalTypeOptions: { pattern: '^[A-Z]$' } },
    bad: spoiled('city', `'a'`),
    name: 'city.pattern',
    reason: 'city does not match ^[A-Z]$',
  },
  {
    kind: 'a repeated key',
    property: { name: 'id', logicalType: 'string', primaryKey: true },
    bad: `FROM (${trips(20)}) UNION ALL FROM (${trips(2)})`,
    name: 'id.unique',
    reason: 'id repeats that of an earlier row',
  },
  {
    kind: 'text that is no number',
    property: { name: 'distance', logicalType: 'number' },
    bad: `SELECT * REPLACE (CASE WHEN id IN ('t4', 't7') THEN 'far' ELSE distance::VARCHAR END AS distance) FROM (${trips(20)})`,
    name: 'distance.type',
    reason: 'distance is not a number',
  },
  {
    kind: 'a broken number where whole ones are promised',
    property: { name: 'distance', logicalType: 'integer' },
    bad: `SELECT * REPLACE (CASE WHEN id IN ('t4', 't7') THEN 1.5 ELSE distance END::DOUBLE AS distance) FROM (${trips(20)})`,
    name: 'distance.type',
    reason: 'distance is not an integer',
  },
  {
    kind: 'not a number where numbers are promised',
    property: { name: 'distance', logicalType: 'number' },
    bad: `SELECT * REPLACE (CASE WHEN id IN ('t4', 't7') THEN 'nan'::DOUBLE ELSE distance END AS distance) FROM (${trips(20)})`,
    name: 'distance.type',
    reason: 'distance is not a number',
  },
  {
    kind: 'a value that is not in the list',
    property: {
      name: 'city',
      logicalType: 'string',
      quality: [{ metric: 'invalidValues', arguments: { validValues: ['A', 'B'] } }],
    },
    bad: spoiled('city', `'C'`),
    name: 'city.invalidValues',
    reason: 'city is not an allowed value',
  },
  {
    kind: 'an empty value',
    property: { name: 'city', logicalType: 'string', quality: [{ metric: 'missingValues' }] },
    bad: spoiled('city', `' '`),
    name: 'city.missingValues',
    reason: 'city is missing or empty',
  },
  {
    kind: 'a null by rule',
    property: { name: 'city', logicalType: 'string', quality: [{ metric: 'nullValues' }] },
    bad: spoiled('city', 'NULL'),
    name: 'city.nullValues',
    reason: 'city is missing',
  },
  {
    kind: 'a row that breaks a rule in SQL',
    property: {
      name: 'distance',
      logicalType: 'integer',
      quality: [{ type: 'sql', name: 'B is near', query: `city <> 'B' OR distance < 100` }],
    },
    bad: `SELECT * REPLACE (CASE WHEN id IN ('t5', 't7') THEN 100 ELSE distance END AS distance) FROM (${trips(20)})`,
    name: 'B is near',
    reason: `it breaks the rule 'B is near'`,
  },
];

describe('a row', () => {
  test.each(cases)('with $kind goes to quarantine with its reason', async (each) => {
    const promised = contract({ properties: [each.property], customProperties: quarantineAll });
    const { validation } = await judgeRows(each.bad, { contract: promised });
    expect(validation.checks.find((check) => check.name === each.name)).toMatchObject({
      verdict: 'pass',
      value: 2,
      rows: validation.rows,
    });
    expect(validation).toMatchObject({ verdict: 'pass', quarantined: 2 });
    expect(validation.examples).toHaveLength(2);
    for (const example of validation.examples) expect(example).toContain(each.reason);
  });

  test('that is good is left alone by all of these checks', async () => {
    const properties = cases.map((each) => each.property);
    const { validation } = await judgeRows(trips(20), { contract: contract({ properties }) });
    expect(validation).toMatchObject({ verdict: 'pass', quarantined: 0, quarantine: null });
    expect(validation.checks.every((check) => check.verdict === 'pass')).toBe(true);
    expect(validation.channels).toMatchObject({ trainRows: 16, holdoutRows: 4 });
  });
});

describe('limits of a rule', () => {
  const rule = (limits: object) =>
    contract({
      properties: [
        {
          name: 'city',
          logicalType: 'string',
          quality: [{ metric: 'nullValues', name: 'cities', ...limits }],
        },
      ],
      customProperties: quarantineAll,
    });
  const rows = spoiled('city', 'NULL');
  test.each([
    [{ mustBe: 2 }, 'pass'],
    [{ mustBe: 0 }, 'fail'],
    [{ mustNotBe: 2 }, 'fail'],
    [{ mustBeLessThan: 3 }, 'pass'],
    [{ mustBeLessThan: 2 }, 'fail'],
    [{ mustBeLessOrEqualTo: 2 }, 'pass'],
    [{ mustBeGreaterThan: 2 }, 'fail'],
    [{ mustBeGreaterOrEqualTo: 2 }, 'pass'],
    [{ mustBeBetween: [1, 3] }, 'pass'],
    [{ mustBeBetween: [3, 9] }, 'fail'],
    [{ unit: 'percent', mustBeLessOrEqualTo: 10 }, 'pass'],
    [{ unit: 'percent', mustBeLessThan: 10 }, 'fail'],
  ])('%j give %s for two bad rows of twenty', (limits, expected) => {
    const [check] = compileContract(rule(limits), new Map([['city', 'VARCHAR']])).rows;
    expect(rowFinding(check!, 2, 20).finding.verdict).toBe(expected);
  });

  test('fail the contract when broken', async () => {
    const { validation } = await judgeRows(rows, { contract: rule({ mustBeLessThan: 2 }) });
    expect(validation).toMatchObject({ verdict: 'fail', channels: null });
    expect(validation.checks.find((each) => each.name === 'cities')).toMatchObject({
      verdict: 'fail',
      value: 2,
      bound: 2,
    });
  });

  test('of a warning are told and fail nothing', async () => {
    const { validation } = await judgeRows(rows, {
      contract: rule({ mustBe: 0, severity: 'warning' }),
    });
    const finding = validation.checks.find((each) => each.name === 'cities');
    expect(finding).toMatchObject({ verdict: 'fail', value: 2, bound: 0 });
    expect(finding?.reason).toContain('warning');
    expect(validation).toMatchObject({ verdict: 'pass', quarantined: 0 });
  });
});

describe('the contract as a whole', () => {
  test('fails when more than one row in a hundred goes to quarantine', async () => {
    const properties = [{ name: 'distance', logicalType: 'integer', required: true }];
    const { validation } = await judgeRows(spoiled('distance', 'NULL'), {
      contract: contract({ properties }),
    });
    expect(validation).toMatchObject({ verdict: 'fail', channels: null });
    expect(validation.checks.find((check) => check.name === 'quarantine')).toMatchObject({
      verdict: 'fail',
      value: 0.1,
      bound: 0.01,
      reason: '2 of 20 rows (10 %) went to quarantine; at most 1 % may.',
    });
  });

  test('fails when there are too few rows, and says how many there are', async () => {
    const { validation } = await judgeRows(trips(20), {
      contract: contract({
        quality: [{ metric: 'rowCount', name: 'enough', mustBeGreaterOrEqualTo: 21 }],
      }),
    });
    expect(validation.verdict).toBe('fail');
    expect(validation.checks.find((check) => check.name === 'enough')).toMatchObject({
      verdict: 'fail',
      value: 20,
      bound: 21,
      reason: 'There are 20 rows; it must be at least 21.',
    });
  });

  test('fails when a promised column is gone or of another type, before any SQL runs', async () => {
    const { validation } = await judgeRows(trips(20), {
      contract: contract({
        properties: [
          { name: 'fare', logicalType: 'number' },
          { name: 'late', logicalType: 'timestamp' },
        ],
      }),
    });
    expect(validation.checks.map(({ name, verdict, reason }) => [name, verdict, reason])).toEqual([
      ['fare.column', 'fail', `The source has no column 'fare'.`],
      ['late.type', 'fail', `Column 'late' is BOOLEAN; the contract says timestamp.`],
    ]);
  });

  test('finds rows that repeat a key of several columns', async () => {
    const { validation } = await judgeRows(`FROM (${trips(20)}) UNION ALL FROM (${trips(3)})`, {
      contract: contract({
        quality: [{ metric: 'duplicateValues', arguments: { properties: ['at', 'city'] } }],
        customProperties: quarantineAll,
      }),
    });
    expect(validation.checks.find((each) => each.name === 'at+city.duplicateValues')?.value).toBe(
      3,
    );
  });

  test('quarantines rows without event time, entity or a label of 0 or 1', async () => {
    const rows = `SELECT * REPLACE (
        CASE WHEN id = 't1' THEN NULL ELSE "at" END AS "at",
        CASE WHEN id = 't2' THEN NULL ELSE id END AS id,
        CASE WHEN id = 't3' THEN 7 WHEN id = 't4' THEN NULL ELSE late::INTEGER END AS late)
      FROM (${trips(20)})`;
    const { validation } = await judgeRows(rows, {
      contract: contract({ customProperties: quarantineAll }),
    });
    expect(validation.quarantined).toBe(4);
    const counted = validation.checks.map(({ name, value }) => [name, value]);
    expect(counted).toContainEqual(['data.timeColumn', 1]);
    expect(counted).toContainEqual(['data.entity', 1]);
    expect(counted).toContainEqual(['data.label', 2]);
  });

  test('fails when no row is good, whatever share may go to quarantine', async () => {
    const { validation } = await judgeRows(`SELECT * REPLACE (NULL AS late) FROM (${trips(20)})`, {
      contract: contract({ customProperties: quarantineAll }),
    });
    expect(validation).toMatchObject({ verdict: 'fail', quarantined: 20, channels: null });
  });

  test('hides the values of classified properties in its examples', async () => {
    const { validation } = await judgeRows(spoiled('distance', 'NULL'), {
      contract: contract({
        properties: [
          { name: 'id', logicalType: 'string', classification: 'restricted' },
          { name: 'distance', logicalType: 'integer', required: true },
        ],
        customProperties: quarantineAll,
      }),
    });
    expect(validation.examples).toEqual([
      'row 4 (id=[hidden], distance=null): distance is missing',
      'row 7 (id=[hidden], distance=null): distance is missing',
    ]);
  });
});

describe('freshness', () => {
  const fresh = (customProperties: unknown[] = []) =>
    contract({
      slaProperties: [{ property: 'freshness', value: 2, unit: 'h', element: 'trips.at' }],
      customProperties,
    });
  // The newest of the twenty trips is of 19:00.
  const finding = async (asked: Parameters<typeof judgeRows>[1]) => {
    const { validation } = await judgeRows(trips(20), asked);
    return validation.checks.find((check) => check.name === 'at.freshness');
  };

  test('is judged against the clock', async () => {
    expect(
      await finding({ contract: fresh(), now: new Date('2024-03-01T21:00:00Z') }),
    ).toMatchObject({ verdict: 'pass', value: 2, bound: 2 });
    expect(
      await finding({ contract: fresh(), now: new Date('2024-03-01T21:30:00Z') }),
    ).toMatchObject({ verdict: 'fail', value: 2.5 });
  });

  test('is judged against the end of a window that was asked for', async () => {
    const window = (to: string) => ({ from: '2024-03-01T00:00:00Z', to });
    const now = new Date('2030-01-01T00:00:00Z');
    expect(
      await finding({ contract: fresh(), now, window: window('2024-03-01T20:00:00Z') }),
    ).toMatchObject({ verdict: 'pass', value: 1 });
    expect(
      await finding({ contract: fresh(), now, window: window('2024-03-02T00:00:00Z') }),
    ).toMatchObject({ verdict: 'fail', value: 5 });
  });

  test('is judged against the newest row itself where the contract says that data is replayed', async () => {
    const replayed = fresh([{ property: 'freshnessAgainst', value: 'window' }]);
    expect(
      await finding({ contract: replayed, now: new Date('2030-01-01T00:00:00Z') }),
    ).toMatchObject({ verdict: 'pass' });
  });
});
