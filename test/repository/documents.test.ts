import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { errorCatalogue } from '../../contracts/errors.js';
import { errorsPage } from '../../scripts/errors-page.js';
import { settings } from '../../runtime/settings.js';
import { files, folder, read, root } from './tree.js';

const packageJson = z
  .object({
    scripts: z.record(z.string(), z.string()),
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(read('package.json')));

const pages = files.filter((file) => file.endsWith('.md'));

test('docs/errors.md and the catalogue list the same codes with the same advice', () => {
  expect(read('docs/errors.md')).toBe(errorsPage());
  const listed = [...read('docs/errors.md').matchAll(/^\| `([A-Z_0-9]+)`/gm)].map(
    (match) => match[1],
  );
  expect(listed.toSorted()).toEqual(Object.keys(errorCatalogue).toSorted());
});

test('every error code of the catalogue is thrown somewhere', () => {
  const code = files
    .filter((file) => file.endsWith('.ts') && !['test', 'docs'].includes(folder(file)))
    .filter((file) => file !== 'contracts/errors.ts')
    .map((file) => read(file))
    .join('\n');
  const unused = Object.keys(errorCatalogue).filter((each) => !code.includes(`'${each}'`));
  expect(unused).toEqual([]);
});

test('every command that a page shows exists', () => {
  const text = pages.map(read).join('\n');
  const commands = [...text.matchAll(/\.\/((?:scripts|\.ci)\/[a-z-]+)/g)].map(
    (match) => match[1] ?? '',
  );
  expect(commands.length).toBeGreaterThan(2);
  for (const file of new Set(commands)) {
    expect(existsSync(join(root, file)), file).toBe(true);
    expect(statSync(join(root, file)).mode & 0o111, `${file} is executable`).not.toBe(0);
  }
  const npmScripts = [...text.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? '');
  for (const script of npmScripts) expect(Object.keys(packageJson.scripts)).toContain(script);
});

test('every link from one document to another leads somewhere', () => {
  for (const page of pages) {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
      (match) => match[1] ?? '',
    );
    for (const link of links)
      expect(existsSync(join(root, page, '..', link)), `${page} → ${link}`).toBe(true);
  }
});

test('every file or folder that a page or a comment names exists', () => {
  const folders = [...new Set(files.map(folder))].filter((each) => !each.includes('.'));
  const named = new RegExp(
    `(?<![\\w/.@-])((?:${folders.join('|')})/(?:[\\w-]+/)*(?:[\\w.-]*\\.[a-z]+)?)(?![\\w/-])`,
    'g',
  );
  const gone = files
    .filter((file) => /\.(md|ts|py|sql|yml|yaml)$/.test(file) && file !== 'CHANGELOG.md')
    .flatMap((file) =>
      [...read(file).matchAll(named)]
        .map((match) => match[1] ?? '')
        .filter((path) => !existsSync(join(root, path)))
        .map((path) => `${file} names ${path}`),
    );
  expect(gone).toEqual([]);
});

test('docs/operations.md lists every setting', () => {
  const page = read('docs/operations.md');
  for (const name of Object.keys(settings)) expect(page).toContain(`\`${name}\``);
});

test('every dependency is pinned to one exact version', () => {
  const loose = Object.entries({
    ...packageJson.dependencies,
    ...packageJson.devDependencies,
  }).filter(([, version]) => !/^\d+\.\d+\.\d+(-[A-Za-z0-9.]+)?$/.test(version));
  expect(loose).toEqual([]);
  const temporal = Object.entries(packageJson.dependencies).filter(([name]) =>
    name.startsWith('@temporalio/'),
  );
  expect(new Set(temporal.map(([, version]) => version)).size).toBe(1);
});

test('the lock file names no download address', () => {
  expect(read('package-lock.json')).not.toMatch(/"resolved": *"http/);
});
