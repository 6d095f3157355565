import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Here and not in a script of their own, so that `npm run check` and `./scripts/test` ask for the same.
it.each([
  ['type checker finds nothing', 'tsc', ['--noEmit']],
  ['linter finds nothing', 'oxlint', ['--type-aware']],
  ['formatter would change nothing', 'oxfmt', ['--check']],
])(
  'the %s',
  async (_, command, given) => {
    const said = await promisify(execFile)(`${root}node_modules/.bin/${command}`, given, {
      cwd: root,
    }).then(
      () => '',
      ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
    );
    expect(said).toBe('');
  },
  120_000,
);
