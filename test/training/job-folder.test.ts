import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { removeJobFolder } from '../../training/job-folder.js';
import { temporaryFolder } from '../support/artifacts.js';

test('the folder of a job goes although a checkpoint is being copied out of it', async () => {
  const jobs = await temporaryFolder();
  const folder = join(jobs, 'perennial-0123456789ab-1');
  await mkdir(folder);
  await writeFile(join(folder, 'trainer.log'), 'done');
  let removed = false;
  const removing = removeJobFolder(jobs, 'perennial-0123456789ab-1').then(() => (removed = true));
  for (let file = 0; file < 2_000 && !removed; file += 1)
    await writeFile(join(folder, `.held-${file % 4}`), '').catch(() => null);
  await removing;
  expect(await readdir(jobs)).toEqual([]);
});
