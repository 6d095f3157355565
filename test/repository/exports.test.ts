import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { files, read } from './tree.js';

/** Offered to others, or found by a tool that looks for the name. */
const open =
  /^(contracts|workflows|db\/schema|test\/support)\/|^client\/temporal\.ts$|\/interceptors\.ts$|\.config\.ts$/;

const sources = files.filter((file) => /\.(ts|mjs)$/.test(file));
const pathOf = (from: string, to: string) =>
  normalize(join(dirname(from), to)).replace(/\.js$/, '.ts');

/** `file#name` of what is imported from each file; `file#*` where all of it is. */
function importedBy(file: string): string[] {
  const text = read(file);
  const named = text.matchAll(
    /\b(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s+'(\.[^']+)'/g,
  );
  const whole = text.matchAll(/(?:\*(?:\s+as\s+\w+)?\s+from\s+|\bimport\(\s*)'(\.[^']+)'/g);
  return [
    ...[...named].flatMap(([, names = '', from = '']) =>
      names.split(',').map((name) => {
        const [own = ''] = name
          .trim()
          .replace(/^type\s+/, '')
          .split(/\s+as\s+/);
        return `${pathOf(file, from)}#${own}`;
      }),
    ),
    ...[...whole].map(([, from = '']) => `${pathOf(file, from)}#*`),
  ];
}

const exported = sources
  .filter((file) => !open.test(file))
  .flatMap((file) => {
    const text = read(file);
    const names = text.matchAll(/^export\s+(?:async\s+)?(?:function\*?|const|class)\s+(\w+)/gm);
    return [...names].map(([, name = '']) => ({ file, name, text }));
  });

/** Of these exports, those that none of the files imports. */
function idleAmong(some: typeof exported, importing: string[]): string[] {
  const used = new Set(importing.flatMap(importedBy));
  return some
    .filter(({ file, name }) => !used.has(`${file}#${name}`) && !used.has(`${file}#*`))
    .map(({ file, name }) => `${file} ${name}`);
}

test('every exported function, class and constant is imported somewhere', () => {
  expect(exported.length).toBeGreaterThan(500);
  expect(idleAmong(exported, sources)).toEqual([]);
});

test('nothing of the product stands for its tests alone', () => {
  const products = exported.filter(
    ({ file, name, text }) =>
      !file.startsWith('test/') &&
      [...text.matchAll(new RegExp(`\\b${name}\\b`, 'g'))].length === 1,
  );
  expect(
    idleAmong(
      products,
      sources.filter((file) => !file.startsWith('test/')),
    ),
  ).toEqual([]);
});
