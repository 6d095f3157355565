import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../repository/tree.js';

test('the control API refuses to listen where others reach it and no token is asked for', async () => {
  const { code, error } = await new Promise<{ code: unknown; error: string }>((settle) => {
    execFile(
      process.execPath,
      [join(root, 'runtime/launch.mjs'), join(root, 'api/main.ts')],
      { cwd: root, env: { PATH: process.env.PATH, PERENNIAL_HOST: '0.0.0.0' } },
      (failure, _, stderr) => settle({ code: failure?.code, error: stderr }),
    );
  });
  expect(code).toBe(1);
  expect(error).toMatch(
    /^CONFIG_INVALID: PERENNIAL_HOST is '0\.0\.0\.0'.*PERENNIAL_API_TOKEN_FILE/,
  );
});
