import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { identifyProcess } from '../../runtime/process-identity.js';
import { listRunningTrainings } from '../../training/process/running.js';
import { temporaryFolder } from '../support/artifacts.js';

test('a training whose wrapper lives is told, and none that has ended or went down with the machine', async () => {
  const jobs = join(await temporaryFolder(), 'jobs');
  expect(await listRunningTrainings(jobs)).toEqual([]);
  const lives = await identifyProcess(process.pid);
  const claims = { '1': lives, '2': lives, '3': { pid: process.pid, started: 'long ago' } };
  const startedAt = new Date().toISOString();
  for (const [attempt, claim] of Object.entries(claims)) {
    const folder = join(jobs, `perennial-0123456789ab-${attempt}`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'process.json'), JSON.stringify({ ...claim, startedAt }));
  }
  const end = { code: 0, outOfMemory: false, startedAt, finishedAt: startedAt };
  await writeFile(join(jobs, 'perennial-0123456789ab-2', 'exit.json'), JSON.stringify(end));
  expect(await listRunningTrainings(jobs)).toEqual(['perennial-0123456789ab-1']);
});
