import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guessedContract } from '../../cli/init/guessed-contract.js';
import { guessedSpec } from '../../cli/init/guessed-spec.js';
import { parseContract, parseSpec } from '../../client/index.js';
import { guessFromCsv } from '../../dataset/guess/from-csv.js';
import type { Guess, GuessHints } from '../../dataset/guess/guess.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'perennial-guess-'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function guess(lines: string[], hints: GuessHints = {}): Promise<Guess> {
  const path = join(folder, `rows-${(files += 1)}.csv`);
  await writeFile(path, `${lines.join('\n')}\n`);
  return guessFromCsv(path, hints);
}

/** Forty orders; `more` adds columns. */
function orders(head: string, row: (index: number) => string): string[] {
  const days = Array.from({ length: 40 }, (_, index) => index);
  return [
    `id,day,amount,country,${head}`,
    ...days.map((index) => {
      const day = `2024-${String(1 + Math.floor(index / 20)).padStart(2, '0')}-${String(1 + (index % 20)).padStart(2, '0')}`;
      return `o${index},${day},${(index * 1.5).toFixed(1)},${index % 2 ? 'de' : 'fr'},${row(index)}`;
    }),
  ];
}

const written = { model: 'orders', owner: 'ada', source: '../orders.csv' };

describe('what a file tells', () => {
  test('types, label, time, entity and features are guessed and checked files come of it', async () => {
    const found = await guess(
      orders('returned,zip', (index) => `${index % 3 === 0 ? 1 : 0},0${index % 5}123`),
    );
    expect(found).toMatchObject({
      rows: 40,
      timeColumn: 'day',
      entity: { expression: 'id', column: 'id' },
      label: { expression: 'returned = 1', column: 'returned', share: 14 / 40 },
    });
    expect(found.features.map(({ name, type }) => [name, type])).toEqual([
      ['amount', 'number'],
      ['country', 'category'],
      ['zip', 'category'],
    ]);
    const spec = parseSpec(guessedSpec(found, written));
    expect(spec).toMatchObject({
      model: 'orders',
      data: { source: { format: 'csv', path: '../orders.csv', timeColumn: 'day' }, entity: 'id' },
      training: { trainer: './trainer' },
      evaluation: { slices: ['country', 'zip'], minimumRows: 7 },
    });
    const [schema] = parseContract(guessedContract(found, 'orders')).schema;
    expect(schema?.properties).toMatchObject([
      { name: 'id', logicalType: 'string', primaryKey: true },
      { name: 'day', logicalType: 'date', required: true },
      { name: 'amount', logicalType: 'number', logicalTypeOptions: { minimum: 0, maximum: 88 } },
      { name: 'country', quality: [{ arguments: { validValues: ['de', 'fr'] } }] },
      { name: 'returned', logicalTypeOptions: { minimum: 0, maximum: 1 } },
      { name: 'zip', logicalType: 'string', required: true, quality: [] },
    ]);
  });

  test('a true or false column is a label; missing values are allowed for and counted', async () => {
    const found = await guess(
      orders('late,score', (index) => `${index % 2 === 0},${index < 4 ? '' : index}`),
    );
    expect(found.label).toEqual({ expression: 'late', column: 'late', share: 0.5 });
    const score = parseContract(guessedContract(found, 'orders')).schema[0]?.properties.at(-1);
    expect(score).toMatchObject({
      name: 'score',
      required: false,
      quality: [{ metric: 'nullValues', unit: 'percent', mustBeLessOrEqualTo: 15 }],
    });
  });

  test('names that neither SQL nor a contract takes are quoted and cast', async () => {
    const found = await guess(
      orders('Speed (km/h),order,label', (index) => `${index % 7},${index % 3},${index % 2}`),
    );
    expect(found.features.slice(2)).toMatchObject([
      { name: 'speed_km_h_', expression: 'CAST("Speed (km/h)" AS BIGINT)' },
      { name: 'order', expression: '"order"' },
    ]);
    expect(found.label.expression).toBe('label = 1');
    parseSpec(guessedSpec(found, written));
    const contract = guessedContract(found, 'orders');
    expect(parseContract(contract).schema[0]?.properties.map(({ name }) => name)).not.toContain(
      'Speed (km/h)',
    );
    expect(contract).toContain('cannot name them: Speed (km/h)');
  });

  test('rows without an id of their own are told apart by time and place', async () => {
    const rows = orders('wet', (index) => String(index % 2)).map((line) =>
      line.replace(/^[^,]*,/, ''),
    );
    expect((await guess(rows)).entity.expression).toBe('day');
    const twice = rows.flatMap((line, index) =>
      index === 0 ? [line] : [line.replace(/de|fr/, 'it'), line],
    );
    expect((await guess(twice)).entity.expression).toBe("concat_ws('/', day, country)");
  });

  test('lines that do not fit the header are counted', async () => {
    const lines = orders('returned', (index) => String(index % 2));
    const found = await guess([...lines, 'o41,2024-03-01', 'o42,2024-03-01,1,de,1,1']);
    expect(found).toMatchObject({ rows: 40, rejected: 2 });
  });

  test('a hint goes before a guess', async () => {
    const found = await guess(
      orders('returned,booked', (index) => `${index % 2},2023-01-0${1 + (index % 9)}`),
      {
        label: 'country=de',
        time: 'booked',
        entity: "id || '!'",
        without: ['returned'],
      },
    );
    expect(found).toMatchObject({
      timeColumn: 'booked',
      entity: { expression: "id || '!'" },
      label: { expression: "country = 'de'", share: 0.5 },
    });
    expect(found.features.map(({ name }) => name)).toEqual(['amount']);
    expect(found.leftOut.map(({ name }) => name)).toEqual(['id', 'day', 'returned']);
  });
});

describe('what it does not tell is asked for', () => {
  const plain = orders('state', (index) => (index % 3 ? 'kept' : 'sent back'));
  const cases: [
    name: string,
    lines: string[],
    hints: GuessHints,
    code: string,
    sentence: RegExp,
  ][] = [
    [
      'no label',
      plain,
      {},
      'INPUT_INVALID',
      /No column of rows-\d+\.csv is 0\/1 or true\/false: .*--label COLUMN=VALUE, .*country=de.*state=kept \(26 rows\)/,
    ],
    [
      'two labels',
      orders('a,b', () => '0,1').map((line, index) =>
        index === 3 ? line.replace('0,1', '1,0') : line,
      ),
      {},
      'INPUT_INVALID',
      /several columns .* one of a, b/,
    ],
    [
      'a label that is no yes or no',
      plain,
      { label: 'state' },
      'INPUT_INVALID',
      /say which value is predicted, for example state=kept/,
    ],
    [
      'a label value nobody has',
      plain,
      { label: 'state=lost' },
      'INPUT_INVALID',
      /the values of state are kept, sent back/,
    ],
    [
      'a label of numbers',
      plain,
      { label: 'amount=1.5' },
      'INPUT_INVALID',
      /amount has 40 different values; a label is one of at most 20/,
    ],
    [
      'a column that is not there',
      plain,
      { without: ['amout'] },
      'INPUT_INVALID',
      /--without: there is no column 'amout' .* it has id, day/,
    ],
    [
      'no time',
      ['a,b', '1,0', '2,1'],
      {},
      'INPUT_INVALID',
      /holds dates or times like .* It has a, b/,
    ],
    [
      'a time of other text',
      plain,
      { time: 'state', label: 'country=de' },
      'INPUT_INVALID',
      /--time state: .* neither dates nor times/,
    ],
    [
      'a time column that must be renamed',
      plain.map((line) => line.replace('day', 'the day')),
      { label: 'state=kept' },
      'INPUT_INVALID',
      /'the day' .* must be renamed/,
    ],
    [
      'nothing to predict from',
      ['day,y', '2024-01-01,0', '2024-01-02,1'],
      {},
      'INPUT_INVALID',
      /no column left to predict y from/,
    ],
    [
      'semicolons',
      ['a;b', '1;0'],
      {},
      'SOURCE_UNREADABLE',
      /the one column 'a;b'.*parted by commas/,
    ],
    ['a header alone', ['a,b'], {}, 'SOURCE_EMPTY', /has no row/],
    ['a name twice', ['a,a', '1,2'], {}, 'SOURCE_UNREADABLE', /must name each column once/],
  ];
  test.each(cases)('%s', async (_name, lines, hints, code, sentence) => {
    await expect(guess(lines, hints)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(sentence) as string,
    });
  });

  test('a file that is not there', async () => {
    await expect(guessFromCsv(join(folder, 'none.csv'), {})).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });
});

test('the trainer that is laid beside it is about twenty lines', async () => {
  const text = await readFile(new URL('../../trainers/starter/train.py', import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('"""'));
  expect(lines.length).toBeLessThanOrEqual(20);
});
