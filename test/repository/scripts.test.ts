import { execFile } from 'node:child_process';
import { chmod, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accessSync, constants } from 'node:fs';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/artifacts.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a script of ours with only these programs on PATH, from a folder that is not the checkout. */
async function runScript(
  name: string,
  {
    args = [],
    path = process.env.PATH ?? '',
    set = {},
  }: { args?: string[]; path?: string; set?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number; out: string; error: string }> {
  const cwd = await temporaryFolder();
  const environment = { ...process.env, PATH: path, ...set };
  return new Promise((settle) => {
    execFile(join(root, 'scripts', name), args, { cwd, env: environment }, (failure, out, error) =>
      settle({ code: Number(failure?.code ?? 0), out, error }),
    );
  });
}

/** A machine with little more than a shell. */
async function bareMachine(): Promise<string> {
  const folder = await temporaryFolder();
  const programs = ['env', 'bash', 'dirname', 'readlink', 'sort', 'head', 'cut', 'mkdir'];
  await Promise.all(programs.map((program) => symlink(locate(program), join(folder, program))));
  return folder;
}

function locate(program: string): string {
  const found = (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  if (found === undefined) throw new Error(`There is no ${program} on PATH`);
  return found;
}

test('set-up names everything that is missing, with the remedy, before it does anything', async () => {
  const { code, error } = await runScript('setup', { path: await bareMachine() });
  expect(code).toBe(1);
  expect(error).toMatch(/Node is missing\. Install Node 20\.20/);
  expect(error).toMatch(/Python 3\.10 or later .* apt-get install -y python3 python3-venv/);
});

test.each(['v18.19.0', 'v20.19.5', 'v21.7.0', 'v22.14.0'])(
  'Node %s is too old or too odd',
  async (version) => {
    const path = await bareMachine();
    await writeFile(join(path, 'node'), `#!/bin/sh\necho ${version}\n`);
    await chmod(join(path, 'node'), 0o755);
    expect((await runScript('setup', { path })).error).toContain(
      `Node is ${version}; 20.20 or later`,
    );
  },
);

test('a finished set-up says nothing', async () => {
  expect(await runScript('setup')).toEqual({ code: 0, out: '', error: '' });
});

test('the test command explains itself and refuses a layer that there is not', async () => {
  const help = await runScript('test', { args: ['--help'] });
  expect(help.code).toBe(0);
  expect(help.out).toContain('N passed, N failed, N skipped');
  const wrong = await runScript('test', { args: ['unit'] });
  expect(wrong.code).toBe(2);
  expect(wrong.error).toContain('There is no layer unit.');
});

test('without a cluster the trainings on Kubernetes are not run, and that is said', async () => {
  const told = await runScript('test', { args: ['--kubernetes'], set: { KUBECONFIG: '' } });
  expect(told).toMatchObject({ code: 3, out: expect.stringContaining('KUBECONFIG') as string });
});
