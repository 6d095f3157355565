import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { files, folder, read } from './tree.js';

/** Folder → floor. An arrow points down only; what is allowed beside that stands in `neighbours`. */
const floors: Record<string, number> = {
  contracts: 1,
  statistics: 1,
  runtime: 1,
  workflows: 2,
  client: 2,
  db: 2,
  dataset: 2,
  training: 2,
  evaluation: 2,
  release: 2,
  drift: 2,
  governance: 2,
  activities: 3,
  serving: 3,
  api: 3,
  workers: 4,
  cli: 5,
  scripts: 5,
  examples: 5,
};

/** From → to, on one floor. `runtime` speaks in contract types; the rest is each folder's own law. */
const neighbours: Record<string, string[]> = {
  runtime: ['contracts'],
  statistics: [],
  scripts: ['cli', 'examples'],
  examples: [],
};

/** Stricter than the floors: these folders may reach only what is named. */
const only: Record<string, string[]> = {
  contracts: [],
  client: ['contracts'],
  workflows: ['contracts', 'activities'],
  release: ['contracts', 'statistics'],
  drift: ['contracts', 'statistics'],
};

/** What serving may use of the floor below. */
const servingMayUse =
  /^(contracts|statistics|runtime|db)\/|^evaluation\/onnx-model|^drift\/(window-counts|bin)|^governance\/serving-price/;

/** Zod-free files whose values workflows may import. */
const workflowValues = /^contracts\/(messages|release-state|duration|errors|keepable-text)\.ts$/;

interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

const sources = files.filter((file) => file.endsWith('.ts') && floors[folder(file)] !== undefined);

function importsOf(file: string): Import[] {
  const text = read(file);
  const statements = text.matchAll(/^(import|export)\s+(type\s+)?[^'"]*?from\s+'(\.[^']+)'/gms);
  return [...statements].map((match) => ({
    from: file,
    to: normalize(join(dirname(file), match[3] ?? '')).replace(/\.js$/, '.ts'),
    typeOnly: match[2] !== undefined,
  }));
}

const imports = sources.flatMap(importsOf).filter((each) => folder(each.from) !== folder(each.to));

describe('the house', () => {
  test('has sources on every floor', () => {
    expect(new Set(sources.map(folder)).size).toBeGreaterThan(15);
  });

  test('lets an import point down only', () => {
    const upward = imports.filter(({ from, to, typeOnly }) => {
      const below = (floors[folder(to)] ?? 9) < (floors[folder(from)] ?? 0);
      const beside = neighbours[folder(from)]?.includes(folder(to)) ?? false;
      const workflowTypes = folder(from) === 'workflows' && folder(to) === 'activities' && typeOnly;
      const serving = folder(from) === 'serving' && servingMayUse.test(to);
      return !(below || beside || workflowTypes || serving);
    });
    expect(upward.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test('keeps the folders with a law of their own to what the law names', () => {
    const broken = imports.filter(({ from, to }) => {
      const allowed = only[folder(from)];
      return allowed !== undefined && !allowed.includes(folder(to));
    });
    expect(broken.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test('lets serving reach no judgement but the model runner, the counts and what it costs', () => {
    const broken = imports.filter(
      ({ from, to }) => folder(from) === 'serving' && !servingMayUse.test(to),
    );
    expect(broken.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test('gives workflows only types and zod-free values', () => {
    const broken = imports.filter(
      ({ from, to, typeOnly }) =>
        folder(from) === 'workflows' && !typeOnly && !workflowValues.test(to),
    );
    expect(broken.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test('has no drawers', () => {
    const drawers = files.filter((file) =>
      /(^|\/)(utils?|helpers?|common|misc|lib)(\/|\.tsx?$)/.test(file),
    );
    expect(drawers).toEqual([]);
  });

  test('skips no test without a printed reason', () => {
    const skipping = files
      .filter((file) => file.startsWith('test/') && file.endsWith('.ts'))
      .filter((file) => file !== 'test/repository/imports.test.ts')
      .filter((file) => /\b(test|it|describe)\.(skip|todo|only)\(/.test(read(file)));
    expect(skipping).toEqual([]);
  });
});
