import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve, type ServerType } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGpuWatch } from '../../activities/training/gpu-watch.js';
import { createTrainingAttempts } from '../../activities/training/attempt.js';
import { createTrainingSupervision } from '../../activities/training/supervise.js';
import { createApi } from '../../api/app.js';
import type { SuperviseTrainingInput } from '../../contracts/stages.js';
import type { TrainingOutcome } from '../../contracts/training.js';
import { issueProgressToken } from '../../db/training/progress.js';
import { readTrainingView } from '../../db/training/view.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { systemClock } from '../../runtime/clock.js';
import { silentLog } from '../../runtime/log.js';
import type { TrainingBackend } from '../../training/backend.js';
import { createGpuSampler } from '../../training/gpu-usage.js';
import { createProcessBackend } from '../../training/process/backend.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../support/postgres.js';
import { givenTraining, installation } from './given.js';

const reportingTrainer = fileURLToPath(new URL('reporting-trainer', import.meta.url));

describe('A supervised training that is seen', () => {
  let fresh: FreshDatabase;
  let connection: Connection;
  let server: ServerType;
  let artifacts: ArtifactStore;
  let backend: TrainingBackend;
  let jobs: string;
  let driver: string;

  beforeAll(async () => {
    fresh = await freshDatabase();
    const { db } = fresh;
    connection = Connection.lazy({ address: '127.0.0.1:1' });
    const engine = { client: new Client({ connection }), patience: 100 };
    const api = createApi({ db, engine, log: silentLog, token: 'of-the-api'.padEnd(40, '.') });
    server = serve({ fetch: api.fetch, hostname: '127.0.0.1', port: 0 });
    if (!server.listening) await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    artifacts = await temporaryArtifacts();
    const folder = await temporaryFolder();
    jobs = join(folder, 'jobs');
    const progressDoor = {
      url: `http://127.0.0.1:${port}`,
      issueToken: (key: string) => issueProgressToken(db, key),
    };
    backend = createProcessBackend({
      jobs,
      python: 'python3',
      installation,
      artifacts,
      progressDoor,
    });
    // Our own port stands in for the driver's tool: it says what one was seen to say.
    driver = join(folder, 'nvidia-smi');
    await writeFile(driver, '#!/bin/sh\necho "GPU-1, 0, NVIDIA A10, 50, 1024, 23028, [N/A]"\n');
    await chmod(driver, 0o755);
  });
  afterAll(async () => {
    for (const { key } of await backend.list()) await backend.cancel(key, 0);
    server.close();
    await connection.close();
    await fresh.close();
  });

  const open = async (script: string, training: Parameters<typeof givenTraining>[2]) => {
    const { db } = fresh;
    const input = await givenTraining({ db, artifacts }, script, training);
    await createTrainingAttempts({ db, backendName: 'process', installation }).openTrainingAttempt(
      input,
    );
    return input;
  };
  const supervise = async (input: SuperviseTrainingInput) => {
    const { db } = fresh;
    const watching = { db, artifacts, backend, log: silentLog, clock: systemClock };
    const sample = createGpuSampler(driver);
    const gpus = createGpuWatch({ db, log: silentLog, clock: systemClock, sample, every: 50 });
    const { superviseTraining } = createTrainingSupervision({ ...watching, gpus, pollEvery: 50 });
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const beats: unknown[] = [];
    environment.on('heartbeat', (details: unknown) => beats.push(details));
    const outcome = await environment.run<
      [SuperviseTrainingInput],
      TrainingOutcome,
      typeof superviseTraining
    >(superviseTraining, input);
    return { outcome, beats };
  };
  const attemptOf = async ({ model }: SuperviseTrainingInput) =>
    (await readTrainingView(fresh.db, model, 1)).attempts[0];

  it('lives by its reports alone, and shows what they say', async () => {
    const input = await open('report=16 exit=65', { trainer: reportingTrainer, heartbeat: '4s' });
    const { outcome, beats } = await supervise(input);
    expect(outcome).toMatchObject({ kind: 'failed', code: 65 });
    expect(await attemptOf(input)).toMatchObject({
      progress: { step: 16, total: 16, remainingSeconds: 0 },
      curves: [
        { name: 'current_epoch' },
        {
          name: 'loss',
          points: Array.from({ length: 16 }, (_, at) => ({ step: at + 1, value: 1 / (at + 1) })),
        },
      ],
    });
    expect(beats).toContainEqual(expect.objectContaining({ total: 16 }));
  });

  it('keeps the token in a file that its owner alone reads, and nowhere else', async () => {
    const input = await open('exit=65', { trainer: reportingTrainer });
    await supervise(input);
    const file = join(jobs, input.key, 'progress-token');
    const token = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(token).toMatch(/^[\w-]{43}$/);
    for (const name of ['job.json', 'launch.json'])
      expect(await readFile(join(jobs, input.key, name), 'utf8')).not.toContain(token);
  });

  it('has its GPUs looked at where it asks for some', async () => {
    const resources = { gpus: { class: 'a10', count: 1 } };
    const input = await open('say=a step=1 exit=65', { resources });
    const { beats } = await supervise(input);
    const attempt = await attemptOf(input);
    expect(attempt?.gpus).toMatchObject([
      { device: 'GPU-1', name: 'NVIDIA A10', utilisation: 50, memoryPeakMib: 1_024, joules: null },
    ]);
    expect(beats.at(-1)).toMatchObject({ step: 1, gpus: [{ device: 'GPU-1', utilisation: 50 }] });
    expect(await readTrainingView(fresh.db, input.model, 1)).toMatchObject({ resources });
  });

  it('has nobody look where it asks for none', async () => {
    const input = await open('exit=65', {});
    await supervise(input);
    expect((await attemptOf(input))?.gpus).toEqual([]);
  });
});
