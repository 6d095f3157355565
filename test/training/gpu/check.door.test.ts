import { execFile } from 'node:child_process';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../support/artifacts.js';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../../scripts/gpu-check', import.meta.url));

/** A folder for PATH with what the script needs before it knows of a GPU, and what stands in for the driver's tool. */
async function machine(nvidiaSmi: string | null): Promise<string> {
  const folder = await temporaryFolder();
  for (const program of ['bash', 'env', 'dirname', 'readlink', 'grep']) {
    const { stdout } = await run('/bin/sh', ['-c', `command -v ${program}`]);
    await symlink(stdout.trim(), join(folder, program));
  }
  if (nvidiaSmi === null) return folder;
  await writeFile(join(folder, 'nvidia-smi'), `#!/bin/sh\n${nvidiaSmi}\n`);
  await chmod(join(folder, 'nvidia-smi'), 0o755);
  return folder;
}

test.each([
  ['without a driver', null],
  ['whose driver has failed', 'echo NVIDIA-SMI has failed; exit 9'],
  ['whose driver finds none', 'echo No devices were found'],
])('on a machine %s the check says `no GPU here` and exits 3', async (_, nvidiaSmi) => {
  const PATH = await machine(nvidiaSmi);
  await expect(run(script, { env: { PATH } })).rejects.toMatchObject({
    code: 3,
    stdout: 'no GPU here\n',
    stderr: '',
  });
});

test.each([[['--bogus']], [['--rehearse', 'now']]])(
  'called as %j it says what it takes',
  async (args) => {
    await expect(run(script, args, { env: { PATH: await machine(null) } })).rejects.toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(args.join(' ')) as string,
    });
  },
);

test('rehearsed, the check trains, kills and resumes', async () => {
  const { stdout } = await run(script, ['--rehearse'], { timeout: 55_000 });
  expect(stdout).toMatch(
    /^trained +60 steps, loss \S+ to \S+\nkilled +after step \d+, resumed behind its checkpoint of step \d0\n$/,
  );
});
