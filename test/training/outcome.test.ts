import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { judgeJob } from '../../training/outcome.js';
import { layOutReplicas } from '../../training/replicas.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { scriptedJob } from './job.js';

async function judged(reason: string | undefined, failure?: string) {
  const artifacts = await temporaryArtifacts();
  const root = await temporaryFolder();
  await mkdir(join(root, 'output'));
  if (failure !== undefined) await writeFile(join(root, 'output', 'failure'), failure);
  const end = { kind: 'exited', code: 143, outOfMemory: false, took: 1, reason } as const;
  return judgeJob({ end, job: await scriptedJob(artifacts, ''), root, artifacts });
}

it('tells a failure in the words of the trainer, else of the engine, else of the exit code', async () => {
  const evicted = 'Evicted: The node was low on memory.';
  expect(await judged(evicted, 'The rows are odd.')).toMatchObject({ reason: 'The rows are odd.' });
  expect(await judged(evicted)).toMatchObject({ kind: 'retry', code: 143, reason: evicted });
  expect(await judged(undefined)).toMatchObject({
    reason: 'The trainer was told to stop (exit code 143).',
  });
});

it('tells which of several replicas left the sentence', async () => {
  const artifacts = await temporaryArtifacts();
  const root = await temporaryFolder();
  await mkdir(join(root, 'output'));
  await layOutReplicas(root, 3);
  await writeFile(join(root, 'replicas', '2', 'output', 'failure'), 'The rows are odd.');
  const end = { kind: 'exited', code: 65, outOfMemory: false, took: 1 } as const;
  const job = { ...(await scriptedJob(artifacts, '')), replicas: 3 };
  const outcome = await judgeJob({ end, job, root, artifacts });
  expect(outcome).toMatchObject({ reason: 'Replica 2: The rows are odd.' });
});
