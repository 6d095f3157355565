import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openProgressDoor } from '../../training/progress-door.js';
import { temporaryFolder } from '../support/artifacts.js';

const key = 'perennial-0123456789ab-1';
const url = 'https://perennial.example:7280';

test('a trainer is told where to report and where its token lies, never the token', async () => {
  const folder = await temporaryFolder();
  const tokens = ['first', 'second'];
  const issueToken = () => Promise.resolve(tokens.shift() ?? '');
  const asked = { key, folder };
  const variables = await openProgressDoor({ url, issueToken, caFile: '/etc/ca.pem' }, asked);
  const tokenFile = join(folder, 'progress-token');
  expect(variables).toEqual({
    KUBEFLOW_TRAINER_SERVER_URL: `${url}/api/v1/trainings/${key}/progress`,
    KUBEFLOW_TRAINER_SERVER_TOKEN: tokenFile,
    KUBEFLOW_TRAINER_SERVER_CA_CERT: '/etc/ca.pem',
  });
  expect(await readFile(tokenFile, 'utf8')).toBe('first');
  expect((await stat(tokenFile)).mode & 0o777).toBe(0o600);

  const again = await openProgressDoor({ url, issueToken }, asked);
  expect(Object.keys(again)).not.toContain('KUBEFLOW_TRAINER_SERVER_CA_CERT');
  expect(await readFile(tokenFile, 'utf8')).toBe('second');
  expect(await readdir(folder)).toEqual(['progress-token']);
});
