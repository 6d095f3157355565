import { readFileSync } from 'node:fs';
import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import type { TrainingJob } from '../../contracts/training.js';
import { describeContainer } from '../../training/docker/container.js';
import { isPinned } from '../../contracts/resources.js';
import { unframe } from '../../training/docker/frames.js';
import { findLeftBehind, readJobState } from '../../training/docker/replicas.js';
import { readState } from '../../training/docker/state.js';

const channel = { sha256: 'a'.repeat(64), bytes: 1, kind: 'channel' };
const job = {
  key: 'perennial-0123456789ab-1',
  model: 'delays',
  delivery: 4,
  attempt: 1,
  trainer: '/trainers/tabular',
  hyperparameters: {},
  seed: 1,
  features: [],
  channels: { train: channel, holdout: channel },
  labels: { installation: 'test', spec: 'a-spec' },
} as unknown as TrainingJob;
const around = {
  image: `sha256:${'0'.repeat(64)}`,
  root: '/jobs/x/ml',
  user: '1:1',
  network: 'none',
};

describe('A container for a training', () => {
  it('is shut off, runs as who owns its folder, and is restarted by nobody but us', () => {
    expect(describeContainer(job, around)).toMatchObject({
      name: job.key,
      User: '1:1',
      HostConfig: {
        Mounts: [{ Type: 'bind', Source: '/jobs/x/ml', Target: '/opt/ml' }],
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        NetworkMode: 'none',
        RestartPolicy: { Name: 'no' },
        AutoRemove: false,
      },
    });
  });

  it('gets what was asked for, and memory without swap beside it', () => {
    const resources = {
      cpus: 1.5,
      memory: '2Gi',
      sharedMemory: '512Mi',
      gpus: { class: 'a10', count: 2 },
    };
    const { HostConfig, Env } = describeContainer({ ...job, resources }, around);
    expect(HostConfig).toMatchObject({
      NanoCpus: 1_500_000_000,
      Memory: 2 ** 31,
      MemorySwap: 2 ** 31,
      ShmSize: 2 ** 29,
      DeviceRequests: [{ Driver: 'nvidia', Count: 2, Capabilities: [['gpu']] }],
    });
    expect(Env).toContain('PERENNIAL_GPUS=2');
  });

  it('asks for the very GPUs that it holds, where somebody keeps count', () => {
    const resources = { gpus: { class: 'a10', count: 2 } };
    const { HostConfig } = describeContainer({ ...job, resources, devices: [2, 3] }, around);
    expect(HostConfig?.DeviceRequests).toEqual([
      { Driver: 'nvidia', DeviceIDs: ['2', '3'], Capabilities: [['gpu']] },
    ]);
  });

  it('is one of several replicas: beside the first one, with its own rank and GPUs', () => {
    const several = { ...job, replicas: 2, devices: [0, 1, 2, 3] };
    const resources = { gpus: { class: 'a10', count: 2 } };
    const second = describeContainer({ ...several, resources }, around, 1);
    expect(second).toMatchObject({
      name: `${job.key}-replica-1`,
      HostConfig: {
        NetworkMode: `container:${job.key}`,
        DeviceRequests: [{ DeviceIDs: ['2', '3'] }],
      },
    });
    const told = ['RANK=1', 'WORLD_SIZE=2', 'LOCAL_RANK=0', 'MASTER_ADDR=127.0.0.1'];
    expect(second.Env).toEqual(expect.arrayContaining(told));
    expect(second.Env).toContain('PERENNIAL_ML_ROOT=/opt/ml/replicas/1');
    const port = (env: string[] | undefined) => env?.find((each) => each.startsWith('MASTER_PORT'));
    const first = describeContainer(several, around);
    expect(first).toMatchObject({ name: job.key, HostConfig: { NetworkMode: 'none' } });
    expect(port(second.Env)).toBe(port(first.Env));
    expect(describeContainer(job, around).Env?.join(' ')).not.toContain('RANK');
  });

  it('asks for nothing that was not asked for', () => {
    const { HostConfig, Env } = describeContainer(job, around);
    for (const limit of ['NanoCpus', 'Memory', 'ShmSize', 'DeviceRequests'])
      expect(HostConfig).not.toHaveProperty(limit);
    expect(Env?.join(' ')).not.toContain('PERENNIAL_GPUS');
  });
});

describe("A container's state", () => {
  const state = (changes: object) => {
    const usual = {
      Status: 'exited',
      Running: false,
      OOMKilled: false,
      ExitCode: 0,
      Error: '',
      StartedAt: '2026-01-01T10:00:00Z',
      FinishedAt: '2026-01-01T11:00:00Z',
    };
    const found = {
      Created: '2026-01-01T09:00:00Z',
      Config: { Image: 'sha256:1' },
      State: { ...usual, ...changes },
    };
    return readState(found as Docker.ContainerInspectInfo);
  };

  it('is that of a killed one where the machine went down with it', () => {
    expect(state({ ExitCode: 255 })).toMatchObject({ code: 137, outOfMemory: false });
  });

  it('knows memory that ran out by the engine, not by the code', () => {
    expect(state({ ExitCode: 0, OOMKilled: true })).toMatchObject({ code: 0, outOfMemory: true });
  });

  it('is waiting where it was made and never started, and ended where it could not be', () => {
    const never = { StartedAt: '0001-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z' };
    expect(state({ ...never, Status: 'created' })).toMatchObject({ state: 'waiting' });
    const Error = 'exec: "/nowhere": no such file or directory';
    expect(state({ ...never, Status: 'created', ExitCode: 127, Error })).toEqual({
      state: 'exited',
      code: 127,
      outOfMemory: false,
      startedAt: '2026-01-01T09:00:00Z',
      finishedAt: '2026-01-01T09:00:00Z',
      image: 'sha256:1',
      reason: Error,
    });
  });

  it.each([
    'task 1c0fd071b9ca: already exists',
    'id already in use',
    'failed to start shim: mkdir /run/io.containerd.runtime.v2.task/moby/94403e2ca97f: file exists',
  ])('is that of a killed one where the engine was lost in its start: %s', (Error) => {
    const never = { StartedAt: '0001-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z' };
    expect(state({ ...never, Status: 'created', ExitCode: 128, Error })).toMatchObject({
      state: 'exited',
      code: 137,
      reason: 'The engine was lost while it started the container.',
    });
  });

  it('is, of several replicas, that of the first that failed, once all have ended', () => {
    const container = (rank: number, changes: object) => {
      const ran = { OOMKilled: false, Error: '', StartedAt: '2026-01-01T10:00:00Z' };
      return {
        Name: `/${job.key}${rank === 0 ? '' : `-replica-${rank}`}`,
        Created: '2026-01-01T09:00:00Z',
        Config: { Image: 'sha256:1' },
        State: { ...ran, Status: 'exited', Running: false, ...changes },
      } as Docker.ContainerInspectInfo;
    };
    const stopped = container(0, { ExitCode: 143, FinishedAt: '2026-01-01T11:00:02Z' });
    const failed = { ExitCode: 137, OOMKilled: true, FinishedAt: '2026-01-01T11:00:01Z' };
    const running = container(2, { Running: true, Status: 'running' });
    expect(readJobState([stopped, container(1, failed), running])).toMatchObject({
      state: 'running',
    });
    expect(findLeftBehind([stopped, container(1, failed), running])).toEqual([running]);
    const done = container(2, { ExitCode: 0, FinishedAt: '2026-01-01T11:00:00Z' });
    expect(readJobState([stopped, container(1, failed), done])).toMatchObject({
      state: 'exited',
      code: 137,
      outOfMemory: true,
      finishedAt: '2026-01-01T11:00:02.000Z',
      reason: 'Replica 1 ran out of memory, and so all were ended.',
    });
    expect(findLeftBehind([done, running])).toEqual([]);
    expect(readJobState([])).toEqual({ state: 'gone' });
  });

  it('does not end before it began, though the clock was set back', () => {
    expect(state({ FinishedAt: '2026-01-01T08:00:00Z' })).toMatchObject({
      startedAt: '2026-01-01T10:00:00.000Z',
      finishedAt: '2026-01-01T10:00:00.000Z',
    });
  });
});

describe('Output in frames', () => {
  const time = '2026-01-01T10:00:00.000000001Z';
  const frame = (stream: number, text: string) => {
    const timed = `${time} ${text}`;
    const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(Buffer.byteLength(timed), 4);
    return Buffer.concat([header, Buffer.from(timed)]);
  };

  it('is both streams one after the other, and leaves out a frame that was cut off', () => {
    const whole = Buffer.concat([frame(1, 'out\n'), frame(2, 'ärger\n'), frame(1, 'again\n')]);
    const told = (framed: Buffer) => unframe(framed).map(({ content }) => content.toString());
    expect(told(whole)).toEqual(['out\n', 'ärger\n', 'again\n']);
    expect(told(whole.subarray(0, whole.length - 1))).toEqual(['out\n', 'ärger\n']);
    expect(told(whole.subarray(0, 5))).toEqual([]);
    expect(unframe(whole)[0]?.time).toBe(time);
  });
});

it.each([
  [`registry.example/trainer@sha256:${'a'.repeat(64)}`, true],
  [`sha256:${'a'.repeat(64)}`, true],
  ['trainer:1', false],
  ['trainer', false],
])('takes %s for pinned: %s', (reference, pinned) => {
  expect(isPinned(reference)).toBe(pinned);
});

describe("The trainer's Dockerfile", () => {
  const dockerfile = readFileSync(
    new URL('../../trainers/tabular/Dockerfile', import.meta.url),
    'utf8',
  );
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

  it('runs as the ordinary user, from packages pinned by their hashes', () => {
    expect(last).toMatch(/^USER 10001$/m);
    expect(dockerfile).toContain('--require-hashes');
    expect(last).not.toContain('pip');
  });

  it('starts as the image does that is made without it', () => {
    const made = readFileSync(
      new URL('../../scripts/engine/trainer-image.ts', import.meta.url),
      'utf8',
    );
    const entry = /^ENTRYPOINT (.*)$/m.exec(last)?.[1] ?? 'none';
    expect(made).toContain(`ENTRYPOINT ${entry}`);
  });
});
