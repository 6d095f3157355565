import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openProgressDoor, openProgressDoorInside } from '../../training/progress-door.js';
import { temporaryFolder } from '../support/artifacts.js';

const key = 'perennial-0123456789ab-1';
const url = 'https://perennial.example:7280';

test('a trainer is told where to report and where its token lies, never the token', async () => {
  const folder = await temporaryFolder();
  const tokens = ['first', 'second'];
  const issueToken = () => Promise.resolve(tokens.shift() ?? '');
  const variables = await openProgressDoor({ url, issueToken }, { key, folder });
  const tokenFile = join(folder, 'progress-token');
  expect(variables).toEqual({
    KUBEFLOW_TRAINER_SERVER_URL: `${url}/api/v1/trainings/${key}/progress`,
    KUBEFLOW_TRAINER_SERVER_TOKEN: tokenFile,
  });
  expect(await readFile(tokenFile, 'utf8')).toBe('first');
  expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);

  await openProgressDoor({ url, issueToken }, { key, folder });
  expect(await readFile(tokenFile, 'utf8')).toBe('second');
  expect(await readdir(folder)).toEqual(['progress-token']);
});

test('a container is told of its own paths, and of the authorities where the API needs some', async () => {
  const root = await temporaryFolder();
  await mkdir(join(root, 'input', 'config'), { recursive: true });
  const caFile = join(root, 'ca.pem');
  await writeFile(caFile, 'an authority');
  const door = { url, issueToken: () => Promise.resolve('token'), caFile };
  expect(await openProgressDoorInside(door, key, root)).toMatchObject({
    KUBEFLOW_TRAINER_SERVER_TOKEN: '/opt/ml/input/config/progress-token',
    KUBEFLOW_TRAINER_SERVER_CA_CERT: '/opt/ml/input/config/progress-ca.pem',
  });
  const laid = (name: string) => readFile(join(root, 'input', 'config', name), 'utf8');
  expect([await laid('progress-token'), await laid('progress-ca.pem')]).toEqual([
    'token',
    'an authority',
  ]);
});
