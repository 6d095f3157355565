import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobStatus } from '../../contracts/training.js';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import type { LogLine, TrainingBackend } from '../../training/backend.js';
import { temporaryArtifacts, temporaryFolder } from '../support/artifacts.js';
import { scriptedJob } from './job.js';

export interface BackendUnderTest {
  /** Another client of the same engine, as a second worker has it. */
  open(installation?: string): TrainingBackend;
}

/** What every training backend promises. `make` gets a folder and the artifacts that the jobs' channels lie in. */
export function describeTrainingBackend(
  name: string,
  make: (folder: string, artifacts: ArtifactStore) => Promise<BackendUnderTest>,
): void {
  describe(`The ${name} training backend`, () => {
    let artifacts: ArtifactStore;
    let under: BackendUnderTest;
    let backend: TrainingBackend;
    let folder: string;
    let delivery = 0;
    const job = (script: string, attempt = 1) =>
      scriptedJob(artifacts, script, { delivery: attempt === 1 ? ++delivery : delivery, attempt });
    const run = async (script: string) => {
      const started = await job(script);
      await backend.submit(started);
      return { job: started, ended: await untilExited(backend, started.key) };
    };

    beforeAll(async () => {
      folder = await temporaryFolder();
      artifacts = await temporaryArtifacts();
      under = await make(folder, artifacts);
      backend = under.open();
    });
    afterAll(async () => {
      for (const { key } of await backend.list()) await backend.cancel(key, 0);
    });

    it('says gone of a key that nobody submitted', async () => {
      expect(await backend.status((await job('')).key)).toEqual({ state: 'gone' });
    });

    it.each([0, 1, 65, 75, 78, 143, 42])('hands on exit code %i', async (code) => {
      const { ended } = await run(`exit=${code}`);
      expect(ended).toMatchObject({ state: 'exited', code, outOfMemory: false });
      expect(Date.parse(ended.finishedAt)).toBeGreaterThanOrEqual(Date.parse(ended.startedAt));
    });

    it('says 137 of a trainer that was killed', async () => {
      expect((await run('killed')).ended).toMatchObject({ code: 137, outOfMemory: false });
    });

    it('adopts a running job and an ended one, and starts neither again', async () => {
      const gate = join(folder, 'gate');
      const waiting = await job(`say=once await=${gate} exit=0`);
      expect(await backend.submit(waiting)).toEqual({ adopted: false });
      const again = under.open();
      expect(await again.submit(waiting)).toEqual({ adopted: true });
      await writeFile(gate, '');
      await untilExited(again, waiting.key);
      expect(await backend.submit(waiting)).toEqual({ adopted: true });
      expect(await readAll(again, waiting.key)).toEqual(['once']);
    });

    it('starts one trainer however many ask at once', async () => {
      const wanted = await job('say=once exit=0');
      await Promise.all([1, 2, 3].map(() => under.open().submit(wanted)));
      await untilExited(backend, wanted.key);
      expect(await readAll(backend, wanted.key)).toEqual(['once']);
    });

    it('refuses a key that belongs to another installation or spec', async () => {
      const { job: mine } = await run('exit=0');
      await expect(under.open('other').submit(mine)).rejects.toMatchObject({
        code: 'JOB_KEY_TAKEN',
      });
      const otherSpec = { ...mine, labels: { ...mine.labels, spec: 'another' } };
      await expect(backend.submit(otherSpec)).rejects.toMatchObject({ code: 'JOB_KEY_TAKEN' });
    });

    it('gives each line of output once, named by its offset', async () => {
      const { job: spoken } = await run('say=first say=ünd say=third exit=0');
      const { lines, next } = await backend.logs(spoken.key, 0);
      expect(lines).toEqual([
        { offset: 0, line: 'first' },
        { offset: 6, line: 'ünd' },
        { offset: 11, line: 'third' },
      ]);
      expect(await backend.logs(spoken.key, next)).toEqual({ lines: [], next });
      expect((await backend.logs(spoken.key, 6)).lines).toHaveLength(2);
    });

    it('lets a trainer that is asked to stop end by itself', async () => {
      const obedient = await job('obey say=ready forever');
      await backend.submit(obedient);
      await untilSaid(backend, obedient.key, 'ready');
      await backend.cancel(obedient.key, 10_000);
      expect(await backend.status(obedient.key)).toMatchObject({ state: 'exited', code: 143 });
    });

    it('kills a trainer that does not stop within its grace', async () => {
      const stubborn = await job('refuse say=ready forever');
      await backend.submit(stubborn);
      await untilSaid(backend, stubborn.key, 'ready');
      await backend.cancel(stubborn.key, 100);
      expect(await backend.status(stubborn.key)).toMatchObject({ state: 'exited', code: 137 });
    });

    it('has nothing against cancelling what has ended or never was', async () => {
      const { job: ended } = await run('exit=0');
      await backend.cancel(ended.key, 0);
      await backend.cancel((await job('')).key, 0);
      expect(await backend.status(ended.key)).toMatchObject({ code: 0 });
    });

    it('starts the next attempt from the checkpoints of the one before', async () => {
      await run('checkpoint=halfway exit=75');
      const next = await job('resume exit=0', 2);
      await backend.submit(next);
      await untilExited(backend, next.key);
      expect(await readAll(backend, next.key)).toEqual(['resumed halfway']);
    });

    it('lists the jobs of its own installation and removes their traces', async () => {
      const { job: ended } = await run('exit=0');
      const listed = (await backend.list()).find(({ key }) => key === ended.key);
      expect(listed).toMatchObject({
        model: 'scripted',
        delivery: ended.delivery,
        attempt: 1,
        labels: { installation: 'test', spec: 'a-spec' },
        status: { state: 'exited', code: 0 },
      });
      expect(await under.open('other').list()).toEqual([]);
      await backend.remove(ended.key);
      expect(await backend.status(ended.key)).toEqual({ state: 'gone' });
    });

    it('lays out what the container contract says', async () => {
      const { job: laid } = await run('exit=0');
      const config = join(backend.root(laid.key), 'input', 'config');
      const read = async (file: string) =>
        JSON.parse(await readFile(join(config, file), 'utf8')) as unknown;
      expect(await read('hyperparameters.json')).toEqual({ script: 'exit=0' });
      expect(await read('perennial.json')).toMatchObject({
        features: laid.features,
        label: 'label',
        seed: 7,
      });
      expect(Object.keys((await read('inputdataconfig.json')) as object)).toEqual([
        'train',
        'holdout',
      ]);
      const channel = join(backend.root(laid.key), 'input', 'data', 'train', 'part-0.parquet');
      expect(await readFile(channel, 'utf8')).toBe('rows');
    });
  });
}

export type Exited = Extract<JobStatus, { state: 'exited' }>;

export async function untilExited(backend: TrainingBackend, key: string): Promise<Exited> {
  for (;;) {
    const status = await backend.status(key);
    if (status.state === 'exited') return status;
    await delay(20);
  }
}

export async function untilSaid(
  backend: TrainingBackend,
  key: string,
  words: string,
): Promise<LogLine> {
  for (;;) {
    const { lines } = await backend.logs(key, 0);
    const found = lines.find(({ line }) => line.includes(words));
    if (found) return found;
    await delay(20);
  }
}

export async function readAll(backend: TrainingBackend, key: string): Promise<string[]> {
  const all: string[] = [];
  for (let since = 0; ;) {
    const { lines, next } = await backend.logs(key, since);
    all.push(...lines.map(({ line }) => line));
    if (next === since) return all;
    since = next;
  }
}
