import { expect, test } from 'vitest';
import { files, folder, read } from './tree.js';

const processes = files.filter(
  (file) => file.endsWith('.ts') && !['test', 'scripts', 'examples', 'cli'].includes(folder(file)),
);

/** What stands between the sentence of a log call and its end. */
const calls = /\b(?:log|plain)\.(?:debug|info|warn|error)\(([^;]*?)\)[;,\n]/g;
/** `{ key, key: …, ...rest }`: names at the start of an entry. */
const entries = /(?<=[{,]\s*)([A-Za-z_]\w*)(?=\s*[,:}])/g;

function keysOf(call: string): string[] {
  const facts = call.slice(call.indexOf('{')).replace(/`[^`]*`|\([^()]*\)|\[[^\]]*\]/g, '');
  return call.includes('{') ? [...facts.matchAll(entries)].map(([key]) => key) : [];
}

test('every key of the logs stands in docs/operations.md', () => {
  const [, table = ''] =
    /<!-- log keys -->([^]*?)<!-- end of log keys -->/.exec(read('docs/operations.md')) ?? [];
  const known = new Set([...table.matchAll(/`(\w+)`/g)].map(([, key]) => key));
  const used = processes.flatMap((file) =>
    [...read(file).matchAll(calls)].flatMap(([, call = '']) =>
      keysOf(call).map((key) => ({ file, key })),
    ),
  );
  expect(used.length).toBeGreaterThan(60);
  expect(used.filter(({ key }) => !known.has(key))).toEqual([]);
});
