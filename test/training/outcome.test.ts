import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { judgeJob } from '../../training/outcome.js';
import { sha256Hex } from '../../runtime/digest.js';
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

async function handOver(root: string, { seed }: { seed: number }): Promise<void> {
  await mkdir(join(root, 'output'));
  await mkdir(join(root, 'model'));
  await writeFile(join(root, 'model', 'model.onnx'), 'model');
  const file = { path: 'model.onnx', sha256: sha256Hex('model'), bytes: 5 };
  const manifest = {
    schemaVersion: 1,
    files: [file],
    model: file.path,
    signature: { inputs: [], outputs: [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }] },
    metrics: {},
    framework: {},
    environment: 'sha256:abc',
    seed,
  };
  await writeFile(join(root, 'output', 'manifest.json'), JSON.stringify(manifest));
}

it('counts what a trainer handed over whole before it was killed', async () => {
  const artifacts = await temporaryArtifacts();
  const root = await temporaryFolder();
  const job = { ...(await scriptedJob(artifacts, '')), features: [] };
  await handOver(root, job);
  const killed = { kind: 'exited', code: 137, outOfMemory: false, took: 1 } as const;
  expect(await judgeJob({ end: killed, job, root, artifacts })).toMatchObject({
    kind: 'succeeded',
  });
  await writeFile(join(root, 'model', 'model.onnx'), 'mo');
  expect(await judgeJob({ end: killed, job, root, artifacts })).toMatchObject({ kind: 'retry' });
});

it('does not believe in a good end before the last step, where there is no manifest', async () => {
  const artifacts = await temporaryArtifacts();
  const root = await temporaryFolder();
  const job = await scriptedJob(artifacts, '');
  const end = { kind: 'exited', code: 0, outOfMemory: false, took: 1 } as const;
  const judgedAt = (step: number, total: number | null) =>
    judgeJob({ end, job, root, artifacts, reached: { step, total } });
  expect(await judgedAt(36, 60)).toMatchObject({
    kind: 'retry',
    reason: 'The trainer ended at step 36 of 60 without a manifest.',
  });
  expect(await judgedAt(60, 60)).toMatchObject({ kind: 'failed', error: 'MANIFEST_INVALID' });
  expect(await judgedAt(36, null)).toMatchObject({ kind: 'failed', error: 'MANIFEST_INVALID' });
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
