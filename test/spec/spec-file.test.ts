import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseDocument } from 'yaml';
import { contractTemplate, specTemplate } from '../../cli/init/spec-template.js';
import { parseContract, parseSpec, readSpecFile } from '../../client/spec-file.js';
import { PerennialError } from '../../contracts/errors.js';
import { leastDurations, modelSpec } from '../../contracts/spec.js';

const spec = specTemplate('churn', 'ada');
const contract = contractTemplate('churn');

/** The place of a line that holds `text`, as the messages name it. */
function lineOf(source: string, text: string): number {
  return source.split('\n').findIndex((line) => line.includes(text)) + 1;
}

function refusalOf(work: () => unknown): PerennialError {
  try {
    work();
  } catch (error) {
    if (error instanceof PerennialError) return error;
    throw error;
  }
  throw new Error('Nothing was refused');
}

describe('a spec that a person wrote', () => {
  test('is accepted as `perennial init` writes it', () => {
    expect(parseSpec(spec).model).toBe('churn');
    expect(parseContract(contract).schema).toHaveLength(1);
  });

  const wrong: [name: string, from: string, to: string, at: string, message: string][] = [
    [
      'an unknown value',
      'format: parquet ',
      'format: xml ',
      'format: xml',
      'data.source.format: must be parquet or csv, found "xml"',
    ],
    [
      'a misspelt key',
      'timeColumn:',
      'timecolum:',
      'timecolum:',
      "data.source.timecolum: there is no key 'timecolum' here; did you mean 'timeColumn'?",
    ],
    [
      'a key that nothing is near to',
      'owner: ada',
      'owner: ada\nzzzzzzzz: 1',
      'zzzzzzzz',
      "there is no key 'zzzzzzzz' here; possible are apiVersion, model, team",
    ],
    [
      'a wrong type',
      'seed: 1',
      'seed: one',
      'seed: one',
      'training.seed: expected number, found "one"',
    ],
    [
      'a number out of range',
      'holdout: 0.2',
      'holdout: 1.5',
      'holdout: 1.5',
      'data.holdout: Too big',
    ],
    [
      'a malformed duration',
      'timeout: 2h',
      'timeout: 2 hours',
      '2 hours',
      'training.timeout: write a number and a unit: 500ms, 30s, 15m, 2h or 90d (found "2 hours")',
    ],
    [
      'a silence that every trainer keeps',
      'timeout: 2h',
      'timeout: 2h\n  heartbeat: 1ms',
      'heartbeat: 1ms',
      'training.heartbeat: must be at least 5s, found "1ms"',
    ],
    [
      'a monitor that never rests',
      'every: 1h',
      'every: 0s',
      'every: 0s',
      'monitoring.every: must be at least 1s, found "0s"',
    ],
    [
      'a malformed name',
      'model: churn',
      'model: Churn Rate',
      'Churn Rate',
      'model: use 1-48 lower-case letters',
    ],
    [
      'a feature of no type',
      'name: amount, type: number',
      'name: amount, type: real',
      'name: amount',
      'data.features[0].type: must be number or category, found "real"',
    ],
    [
      'a key of a feature',
      'name: amount, type: number',
      'name: amount, type: number, expresion: x',
      'name: amount',
      "data.features[0].expresion: there is no key 'expresion' here; did you mean 'expression'?",
    ],
    ['a key written twice', 'seed: 1', 'seed: 1\n  seed: 2', 'seed: 2', 'Map keys must be unique'],
    [
      'steps that shrink',
      '[0.05, 0.1, 0.25]',
      '[0.1, 0.05]',
      '[0.1, 0.05]',
      'release.steps: each step must be larger than the one before',
    ],
    [
      'a slice that is no category',
      'slices: [country]',
      'slices: [amount]',
      'slices: [amount]',
      "evaluation.slices: slice 'amount' is not a category feature",
    ],
    [
      'a bar on an unknown metric',
      'roc_auc: { atLeast',
      'rocauc: { atLeast',
      'rocauc',
      'evaluation.bars',
    ],
    ['text that is no YAML', 'owner: ada', 'owner: [ada', 'description: What', 'Flow sequence'],
  ];
  test.each(wrong)('is refused with line and column for %s', (_, from, to, at, message) => {
    const text = spec.replace(from, to);
    expect(text).not.toBe(spec);
    const refusal = refusalOf(() => parseSpec(text));
    expect(refusal.code).toBe('SPEC_INVALID');
    expect(refusal.message).toContain(message);
    expect(refusal.message).toMatch(new RegExp(`^model\\.yaml:${lineOf(text, at)}:\\d+ `, 'm'));
  });

  test.each(Object.entries(leastDurations))('says at least %s: %s', (path, least) => {
    const saying = (duration: string) => {
      const document = parseDocument(spec);
      document.setIn(path.split('.'), duration);
      return document.toString();
    };
    expect(() => parseSpec(saying(least))).not.toThrow();
    for (const shorter of ['0s', '99ms'])
      expect(refusalOf(() => parseSpec(saying(shorter))).message).toContain(
        `${path}: must be at least ${least}, found "${shorter}"`,
      );
    expect(modelSpec.safeParse(parse(saying('1ms'))).success, 'one of old').toBe(true);
  });

  test('is told all its mistakes at once, in the order of the file', () => {
    const text = spec.replace('seed: 1', 'seed: -1').replace('format: parquet ', 'format: xml ');
    const lines = refusalOf(() => parseSpec(text)).message.split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^model\.yaml:\d+:13 data\.source\.format/);
    expect(lines[1]).toMatch(/training\.seed/);
  });

  test('names what is missing at the place where it belongs', () => {
    const text = spec.replace(/^team: .*\n/m, '').replace(/^ {4}timeColumn: .*\n/m, '');
    const { message } = refusalOf(() => parseSpec(text));
    expect(message).toContain('team: is missing');
    expect(message).toMatch(
      new RegExp(
        `model\\.yaml:${lineOf(text, 'format: parquet')}:5 data\\.source\\.timeColumn: is missing`,
      ),
    );
  });

  test.each([
    ['nothing at all', ''],
    ['a list', '- a\n- b'],
    ['a word', 'hello'],
  ])('is refused when it is %s', (_, text) => {
    expect(refusalOf(() => parseSpec(text)).message).toMatch(/^model\.yaml:1:1 expected object/);
  });

  test('may not be nested until the stack is full', () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    const refusal = refusalOf(() => parseSpec(spec.replace('approvers: []', `approvers: ${deep}`)));
    expect(refusal.code).toBe('SPEC_INVALID');
    expect(refusal.message).toMatch(/^model\.yaml:\d+:\d+ this is nested too deeply/);
  });

  test('may not unfold a few lines into millions of values', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'
        .split('')
        .map(
          (name, index) =>
            `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[index]}`).join(',')}]`,
        ),
    ].join('\n');
    expect(refusalOf(() => parseSpec(bomb)).code).toBe('SPEC_INVALID');
  });
});

describe('a data contract', () => {
  const wrong: [name: string, from: string, to: string, message: string][] = [
    [
      'a misspelt limit',
      'mustBe: 0',
      'mustBee: 0',
      "mustBee: there is no key 'mustBee' here; did you mean 'mustBe'?",
    ],
    ['an unknown metric', 'metric: rowCount', 'metric: rowCont', 'rowCont'],
    ['an unknown type', 'logicalType: number', 'logicalType: float', 'logicalType: must be'],
    ['another version', 'v3.1.0', 'v2.0.0', 'apiVersion'],
  ];
  test.each(wrong)('is refused for %s', (_, from, to, message) => {
    const refusal = refusalOf(() => parseContract(contract.replace(from, to)));
    expect(refusal.code).toBe('CONTRACT_INVALID');
    expect(refusal.message).toMatch(/^contract\.yaml:\d+:\d+ /);
    expect(refusal.message).toContain(message);
  });
});

describe('files', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-spec-'));
    await writeFile(join(folder, 'model.yaml'), spec);
    await writeFile(join(folder, 'contract.yaml'), contract);
    await writeFile(
      join(folder, 'lost.yaml'),
      spec.replace('contract: contract.yaml', 'contract: nowhere.yaml'),
    );
    await writeFile(
      join(folder, 'both.yaml'),
      spec.replace('seed: 1', 'seed: -1').replace('contract: contract.yaml', 'contract: bad.yaml'),
    );
    await writeFile(join(folder, 'bad.yaml'), contract.replace('mustBe: 0', 'mustBee: 0'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('are read together, with the folder that relative paths start from', async () => {
    const found = await readSpecFile(join(folder, 'model.yaml'));
    expect(found.base).toBe(folder);
    expect(found.contract.id).toBe('churn-data');
  });

  test('that are not there are named', async () => {
    await expect(readSpecFile(join(folder, 'no.yaml'))).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
  });

  test('that a spec names and that are not there are told at the line that names them', async () => {
    const path = join(folder, 'lost.yaml');
    await expect(readSpecFile(path)).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringMatching(
        /lost\.yaml:\d+:13 data\.contract: There is no file '.*nowhere\.yaml'/,
      ) as string,
    });
  });

  test('are judged together: the spec and its contract in one answer', async () => {
    await expect(readSpecFile(join(folder, 'both.yaml'))).rejects.toMatchObject({
      message: expect.stringMatching(
        /both\.yaml:\d+:\d+ training\.seed[^]*bad\.yaml:\d+:\d+ schema\[0\]/,
      ) as string,
    });
  });
});
