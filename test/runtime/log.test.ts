import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What a process with this log writes to stderr. */
function written(statement: string): Record<string, unknown> {
  const script = `
    import { createLog } from './runtime/log.ts';
    const log = createLog({ part: 'compute' });
    ${statement}`;
  const said = execFileSync(
    'sh',
    ['-c', '"$0" --input-type=module -e "$1" 2>&1 >/dev/null', process.execPath, bundled(script)],
    { cwd: root, encoding: 'utf8' },
  );
  return JSON.parse(said) as Record<string, unknown>;
}

function bundled(contents: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

test('a line has its level as a word, its time, its process, a sentence; an error is its message, a secret is hidden', () => {
  const line = written(
    `log.warn('It went wrong', { model: 'a', error: new Error('Disk full'), token: 'abc', stack: undefined });`,
  );
  expect(line).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    part: 'compute',
    msg: 'It went wrong',
    model: 'a',
    error: 'Disk full',
    token: '[hidden]',
  });
});
