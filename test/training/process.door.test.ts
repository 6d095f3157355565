import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { identifyProcess, isRunning } from '../../runtime/process-identity.js';
import type { TrainingBackend } from '../../training/backend.js';
import { jobFolder } from '../../training/job-folder.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { temporaryFolder } from '../support/artifacts.js';
import { describeTrainingBackend, readAll, untilExited, untilSaid } from './backend-conformance.js';
import { scriptedJob } from './job.js';

// Through the training contract from outside, with real processes: too slow for the fast tests.
describeTrainingBackend('process', async (folder, artifacts) => {
  const jobs = join(folder, 'jobs');
  return {
    open: (installation = 'test') =>
      createProcessBackend({ jobs, python: 'python3', installation, artifacts }),
    kill: async (key) => {
      const claim: unknown = JSON.parse(await readFile(jobFolder(jobs, key).process, 'utf8'));
      process.kill((claim as { pid: number }).pid, 'SIGKILL');
    },
    outage: 'there is no engine that could be away',
    smallDisk: 'mounting a small disk needs root, which this layer does without',
    images: 'a process has no image',
    limits: 'a process is given no limits of its own',
    isolation: 'a process sees the machine as its worker does',
    replicas: true,
    meeting: true,
    withoutGpu: 'a process finds the GPUs of its machine by itself',
  };
});

describe('A training process', () => {
  let jobs: string;
  let kept: string;
  let artifacts: ArtifactStore;
  let backend: TrainingBackend;
  let delivery = 0;
  const start = async (script: string) => {
    const job = await scriptedJob(artifacts, script, { delivery: ++delivery });
    await backend.submit(job);
    return job;
  };
  const wrapperPid = async (key: string) => {
    const claim: unknown = JSON.parse(await readFile(jobFolder(jobs, key).process, 'utf8'));
    return (claim as { pid: number }).pid;
  };

  beforeAll(async () => {
    jobs = await temporaryFolder();
    kept = await temporaryFolder();
    artifacts = createFolderArtifacts(kept);
    backend = createProcessBackend({ jobs, python: 'python3', installation: 'test', artifacts });
  });

  it('runs on when its worker is killed, and is found again by the next one', async () => {
    const gate = join(jobs, 'gate');
    const job = await scriptedJob(artifacts, `say=begun await=${gate} say=done exit=0`, {
      delivery: ++delivery,
    });
    const worker = spawn(
      process.execPath,
      [
        'runtime/launch.mjs',
        fileURLToPath(new URL('submit-and-wait.ts', import.meta.url)),
        JSON.stringify({ jobs, job, kept }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(worker.stdout, 'data');
    worker.kill('SIGKILL');
    await once(worker, 'exit');

    expect(await backend.status(job.key)).toMatchObject({ state: 'running' });
    expect(await backend.submit(job)).toEqual({ adopted: true });
    await writeFile(gate, '');
    expect(await untilExited(backend, job.key)).toMatchObject({ code: 0 });
    expect(await readAll(backend, job.key)).toEqual(['begun', 'done']);
  });

  it('learns nothing of the environment it was started from', async () => {
    process.env['A_SECRET_OF_OURS'] = 'hush';
    const job = await start('environment exit=0');
    await untilExited(backend, job.key);
    const seen = (await readAll(backend, job.key)).join('');
    expect(seen).not.toContain('hush');
    expect(seen).toContain('PERENNIAL_ML_ROOT');
  });

  it('leaves no child behind', async () => {
    const job = await start('orphan=600 exit=0');
    await untilExited(backend, job.key);
    const [line = ''] = await readAll(backend, job.key);
    expect(await identifyProcess(Number(line.split(' ')[1]))).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')(
    'leaves nothing behind that forked away into a session of its own',
    async () => {
      for (const end of ['exit=0', 'killed']) {
        const job = await start(`escape=600 ${end}`);
        await untilExited(backend, job.key);
        const [line = ''] = await readAll(backend, job.key);
        expect(line).toMatch(/^escaped \d+$/);
        expect(await identifyProcess(Number(line.split(' ')[1]))).toBeUndefined();
      }
    },
  );

  it('dies with a wrapper that is killed, and counts as killed when it last said anything', async () => {
    const job = await start('refuse say=ready orphan=0 forever');
    const { line } = await untilSaid(backend, job.key, 'ready');
    expect(line).toBe('ready');
    const progress = join(backend.root(job.key), 'output', 'progress.jsonl');
    await writeFile(progress, '');
    const { mtimeMs } = await stat(progress);
    process.kill(await wrapperPid(job.key), 'SIGKILL');
    const ended = await untilExited(backend, job.key);
    expect(ended).toMatchObject({ code: 137, outOfMemory: false });
    expect(Date.parse(ended.finishedAt)).toBe(Math.floor(mtimeMs));
  });

  it('is removed with its wrapper, which ends a moment after it has said how the trainer did', async () => {
    const job = await start('exit=0');
    const wrapper = await identifyProcess(await wrapperPid(job.key));
    while ((await backend.status(job.key)).state === 'running');
    await backend.remove(job.key);
    expect(wrapper && (await isRunning(wrapper))).not.toBe(true);
  });

  it('kills the replicas that do not stop when another has failed', async () => {
    const impatient = createProcessBackend({
      jobs,
      python: 'python3',
      installation: 'test',
      artifacts,
      replicaGraceMs: 300,
    });
    const script = 'refuse-as=0 status=Pid all-reduce=1 break-as=1 forever';
    const job = await scriptedJob(artifacts, script, { delivery: ++delivery });
    await impatient.submit({ ...job, replicas: 2 });
    expect(await untilExited(impatient, job.key)).toEqual(
      expect.objectContaining({
        code: 65,
        reason: 'Replica 1 ended with exit code 65, and so all were ended.',
      }),
    );
    const pids = (await readAll(impatient, job.key)).flatMap(
      (line) => /^Pid: (\d+)$/.exec(line)?.[1] ?? [],
    );
    expect(pids).toHaveLength(2);
    for (const pid of pids) expect(await identifyProcess(Number(pid))).toBeUndefined();
  });

  it('takes all its replicas along when its wrapper is killed', async () => {
    const script = 'refuse status=Pid all-reduce=1 say=ready forever';
    const job = await scriptedJob(artifacts, script, { delivery: ++delivery });
    await backend.submit({ ...job, replicas: 2 });
    for (const rank of [0, 1]) await untilSaid(backend, job.key, 'ready', rank);
    process.kill(await wrapperPid(job.key), 'SIGKILL');
    expect(await untilExited(backend, job.key)).toMatchObject({ code: 137, outOfMemory: false });
    for (const line of (await readAll(backend, job.key)).filter((each) => each.includes('Pid')))
      await vi.waitFor(async () =>
        expect(await identifyProcess(Number(line.split(' ').at(-1)))).toBeUndefined(),
      );
  });

  it('is not taken for a later process with its number', async () => {
    const job = await start('exit=0');
    await untilExited(backend, job.key);
    const { process: claim, exit } = jobFolder(jobs, job.key);
    await rm(exit);
    const stranger = { pid: process.pid, started: 'long ago', startedAt: '2026-01-01T00:00:00Z' };
    await writeFile(claim, JSON.stringify(stranger));
    expect(await backend.status(job.key)).toMatchObject({ state: 'exited', code: 137 });
    await backend.cancel(job.key, 0);
  });

  it('is started again when its worker died between laying out and starting', async () => {
    const job = await start('say=here exit=0');
    await untilExited(backend, job.key);
    const { process: claim, exit, log } = jobFolder(jobs, job.key);
    for (const file of [claim, exit, log(0)]) await rm(file);
    expect(await backend.status(job.key)).toEqual({ state: 'gone' });
    expect(await backend.submit(job)).toEqual({ adopted: false });
    await untilExited(backend, job.key);
    expect(await readAll(backend, job.key)).toEqual(['here']);
  });

  it('cannot be removed while it runs', async () => {
    const job = await start('obey say=ready forever');
    await untilSaid(backend, job.key, 'ready');
    await expect(backend.remove(job.key)).rejects.toMatchObject({ code: 'INTERNAL' });
    await backend.cancel(job.key, 5_000);
  });

  it('names the interpreter that cannot be started', async () => {
    const broken = createProcessBackend({
      jobs,
      python: '/nowhere/python',
      installation: 'test',
      artifacts,
    });
    const job = await scriptedJob(artifacts, 'exit=0', { delivery: ++delivery });
    await expect(broken.submit(job)).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: expect.stringContaining('/nowhere/python') as string,
    });
  });

  it('refuses a key that would leave the folder', () => {
    expect(() => backend.root('../../etc')).toThrow(RangeError);
  });
});
