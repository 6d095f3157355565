import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type Docker from 'dockerode';
import { engineAddress, killEngine, startEngine } from '../../scripts/engine/own-engine.js';
import type { PerennialError } from '../../contracts/errors.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { LogPosition, TrainingBackend } from '../../training/backend.js';
import { createDockerBackend } from '../../training/docker/backend.js';
import { connectEngine } from '../../training/docker/engine.js';
import { jobFolder } from '../../training/job-folder.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { describeTrainingBackend, readAll, untilExited } from './backend-conformance.js';
import { importEmptyImage } from './empty-image.js';
import { scriptedJob } from './job.js';

const nowhere = `sha256:${'0'.repeat(64)}`;

function connect(): Docker {
  return connectEngine(engineAddress(inject('engineFolder')));
}

/** A backend whose jobs lie here; each has a client of its own, as each worker has. */
function open(jobs: string, artifacts: ArtifactStore, installation = 'test'): TrainingBackend {
  const image = inject('bareImage');
  return createDockerBackend({ engine: connect(), jobs, installation, artifacts, image });
}

describeTrainingBackend('docker', async (folder, artifacts) => {
  const jobs = join(folder, 'jobs');
  return {
    open: (installation) => open(jobs, artifacts, installation),
    kill: (key) => connect().getContainer(key).kill({ signal: 'SIGKILL' }) as Promise<void>,
    outage: {
      begin: () => killEngine(inject('engineFolder')),
      end: () => startEngine(inject('engineFolder')),
    },
    smallDisk: async () => {
      const disk = await mkdtemp(join(tmpdir(), 'small-disk-'));
      await promisify(execFile)('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
      return {
        backend: open(join(disk, 'jobs'), artifacts),
        close: async () => {
          await promisify(execFile)('umount', [disk]);
          await rm(disk, { recursive: true });
        },
      };
    },
    images: { missing: nowhere, withoutCommand: await importEmptyImage(connect(), 'empty', '1') },
    limits: true,
    isolation: true,
    replicas: true,
    meeting: true,
    withoutGpu: true,
  };
});

describe('A training container', () => {
  let jobs: string;
  let artifacts: ArtifactStore;
  let backend: TrainingBackend;
  let delivery = 1_000;
  const given = (script: string) => scriptedJob(artifacts, script, { delivery: ++delivery });

  beforeAll(async () => {
    jobs = await temporaryFolder();
    artifacts = await temporaryArtifacts();
    backend = open(jobs, artifacts);
  });

  it('is started by the next submit when its worker died between making and starting it', async () => {
    const job = await given('say=here exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    const { Config, HostConfig } = await connect().getContainer(job.key).inspect();
    await connect().getContainer(job.key).remove();
    await connect().createContainer({ ...Config, HostConfig, name: job.key });

    expect(await backend.status(job.key)).toMatchObject({ state: 'waiting' });
    expect(await backend.submit(job)).toEqual({ adopted: false });
    await untilExited(backend, job.key);
    expect(await readAll(backend, job.key)).toEqual(['here']);
  });

  it('has an end or runs, whenever the engine was killed while it was started', async () => {
    const given8 = await Promise.all(Array.from({ length: 8 }, () => given('say=here exit=0')));
    const submitted = given8.map(async (job, at) => {
      // One after another, so that each is at another point of its start.
      await delay(at * 60);
      return backend.submit(job).then(
        () => 'submitted',
        (error: PerennialError) => error.code,
      );
    });
    await delay(500);
    await killEngine(inject('engineFolder'));
    for (const came of await Promise.all(submitted))
      expect(['submitted', 'ENGINE_UNAVAILABLE']).toContain(came);
    await startEngine(inject('engineFolder'));
    for (const job of given8) {
      await backend.submit(job);
      const { code } = await untilExited(backend, job.key);
      expect([0, 137]).toContain(code);
      await backend.remove(job.key);
    }
  });

  it('is taken away by cancel when it was made and never started', async () => {
    const job = await given('say=here exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    const { Config, HostConfig } = await connect().getContainer(job.key).inspect();
    await connect().getContainer(job.key).remove();
    await connect().createContainer({ ...Config, HostConfig, name: job.key });
    await backend.cancel(job.key, 0);
    expect(await backend.status(job.key)).toEqual({ state: 'gone' });
  });

  it('runs no image by a tag, which may be another one tomorrow', async () => {
    await importEmptyImage(connect(), 'tagged', '1');
    const job = { ...(await given('exit=0')), image: 'tagged:1' };
    await expect(backend.submit(job)).rejects.toMatchObject({ code: 'IMAGE_NOT_PINNED' });
    expect(await backend.status(job.key)).toEqual({ state: 'gone' });
  });

  it('does not pass for a job of ours because of its name', async () => {
    const job = await given('exit=0');
    const Image = inject('bareImage');
    const stranger = await connect().createContainer({ name: job.key, Image });
    await expect(backend.submit(job)).rejects.toMatchObject({ code: 'JOB_KEY_TAKEN' });
    await backend.cancel(job.key, 0);
    await backend.remove(job.key);
    await stranger.remove();
  });

  it('keeps its output when somebody took the container away', async () => {
    const job = await given('say=kept exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    expect(await readAll(backend, job.key)).toEqual(['kept']);
    await connect().getContainer(job.key).remove();
    expect(await backend.status(job.key)).toEqual({ state: 'gone' });
    expect(await readAll(backend, job.key)).toEqual(['kept']);
    expect(await backend.list()).toContainEqual(
      expect.objectContaining({ key: job.key, status: { state: 'gone' } }),
    );
  });

  it('brings no second copy of its output when two workers read at once', async () => {
    const job = await given('lines=5000 exit=0');
    await backend.submit(job);
    await untilExited(backend, job.key);
    const readers = [1, 2, 3].map(() => readAll(open(jobs, artifacts), job.key));
    for (const lines of await Promise.all(readers)) expect(lines).toHaveLength(5_000);
    expect(jobFolder(jobs, job.key).log(0)).toContain(job.key);
  });

  it('is read on, line by line, while it says more than is asked for at once', async () => {
    const job = await given('lines=300 say=x await=one lines=9000 say=y await=two lines=10 exit=0');
    await backend.submit(job);
    const lines: string[] = [];
    let since: LogPosition = [];
    const readUntil = async (last: string) => {
      for (; lines.at(-1) !== last; await delay(20)) {
        const chunk = await backend.logs(job.key, since);
        lines.push(...chunk.lines.map(({ line }) => line));
        since = chunk.next;
      }
    };
    await readUntil('x');
    await writeFile(join(backend.root(job.key), 'one'), '');
    await readUntil('y');
    await writeFile(join(backend.root(job.key), 'two'), '');
    await readUntil('line 9');
    expect(lines).toHaveLength(300 + 1 + 9_000 + 1 + 10);
    expect(await readAll(open(jobs, artifacts), job.key)).toEqual(lines);
  });

  it('is found by its other replicas where somebody took the first one away', async () => {
    const job = { ...(await given('obey touch=model/ready forever')), replicas: 2 };
    await backend.submit(job);
    const second = connect().getContainer(`${job.key}-replica-1`);
    const ready = join(backend.root(job.key), 'replicas', '1', 'model', 'ready');
    await vi.waitFor(() => access(ready), 20_000);
    await connect().getContainer(job.key).remove({ force: true });
    expect(await backend.status(job.key)).toMatchObject({ state: 'running' });
    await backend.cancel(job.key, 10_000);
    expect(await backend.status(job.key)).toMatchObject({ state: 'exited', code: 143 });
    await backend.remove(job.key);
    await expect(second.inspect()).rejects.toMatchObject({ statusCode: 404 });
  });

  it('says in which image it ran', async () => {
    const job = await given('exit=0');
    await backend.submit(job);
    expect(await untilExited(backend, job.key)).toMatchObject({ image: inject('bareImage') });
  });

  it('carries the labels that operators look for', async () => {
    const job = await given('exit=0');
    await backend.submit(job);
    const { Config, HostConfig } = await connect().getContainer(job.key).inspect();
    expect(Config.Labels).toMatchObject({
      'perennial.installation': 'test',
      'perennial.spec': 'a-spec',
      'perennial.model': 'scripted',
      'perennial.delivery': String(delivery),
      'perennial.attempt': '1',
    });
    expect(HostConfig).toMatchObject({
      AutoRemove: false,
      RestartPolicy: { Name: 'no' },
      PidsLimit: 4_096,
    });
  });
});
