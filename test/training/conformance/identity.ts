import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readAll, untilExited, untilSaid } from '../watching.js';
import type { Given } from './given.js';

/** One job by one key: submitting, adopting, listing, removing. */
export function describeIdentity(given: Given): void {
  it('says gone of a key that nobody submitted, and has no output of it', async () => {
    const { key } = await given.job('');
    expect(await given.backend.status(key)).toEqual({ state: 'gone' });
    expect(await given.backend.logs(key, [])).toEqual({ lines: [], next: [0] });
  });

  it('adopts a running job, also by another worker, and starts it no second time', async () => {
    const waiting = await given.job('say=once await=gate exit=0');
    expect(await given.backend.submit(waiting)).toMatchObject({ adopted: false });
    const another = given.under.open();
    expect(await another.submit(waiting)).toMatchObject({ adopted: true });
    await writeFile(join(given.backend.root(waiting.key), 'gate'), '');
    await untilExited(another, waiting.key);
    expect(await readAll(another, waiting.key)).toEqual(['once']);
  });

  it('adopts a job that has ended, whatever its end', async () => {
    const { job: ended } = await given.run('say=once exit=75');
    expect(await given.under.open().submit(ended)).toMatchObject({ adopted: true });
    expect(await given.backend.status(ended.key)).toMatchObject({ state: 'exited', code: 75 });
    expect(await readAll(given.backend, ended.key)).toEqual(['once']);
  });

  it('starts one trainer however many ask at once', async () => {
    const wanted = await given.job('say=once exit=0');
    await Promise.all([1, 2, 3].map(() => given.under.open().submit(wanted)));
    await untilExited(given.backend, wanted.key);
    expect(await readAll(given.backend, wanted.key)).toEqual(['once']);
  });

  it('refuses a key that belongs to another installation', async () => {
    const { job: mine } = await given.run('exit=0');
    await expect(given.under.open('other').submit(mine)).rejects.toMatchObject({
      code: 'JOB_KEY_TAKEN',
    });
  });

  it('refuses a key that belongs to another spec', async () => {
    const { job: mine } = await given.run('exit=0');
    const otherSpec = { ...mine, labels: { ...mine.labels, spec: 'another' } };
    await expect(given.backend.submit(otherSpec)).rejects.toMatchObject({ code: 'JOB_KEY_TAKEN' });
  });

  it('lists what ran and what runs, with what it is known by', async () => {
    const { job: ended } = await given.run('exit=0');
    const running = await given.job('obey say=ready forever');
    await given.backend.submit(running);
    await untilSaid(given.backend, running.key, 'ready');
    const all = await given.backend.list();
    const known = {
      model: 'scripted',
      attempt: 1,
      labels: { installation: 'test', spec: 'a-spec' },
    };
    expect(all.find(({ key }) => key === ended.key)).toMatchObject({
      ...known,
      delivery: ended.delivery,
      status: { state: 'exited', code: 0 },
    });
    expect(all.find(({ key }) => key === running.key)).toMatchObject({
      ...known,
      delivery: running.delivery,
      status: { state: 'running' },
    });
    await given.backend.cancel(running.key, 10_000);
  });

  it('shows nothing of it to another installation', async () => {
    await given.run('exit=0');
    expect(await given.under.open('other').list()).toEqual([]);
  });

  it('removes every trace of a job, and has nothing against doing it twice', async () => {
    const { job: ended } = await given.run('touch=model/kept touch=checkpoints/kept exit=0');
    await given.backend.remove(ended.key);
    await given.backend.remove(ended.key);
    expect(await given.backend.status(ended.key)).toEqual({ state: 'gone' });
    expect((await given.backend.list()).map(({ key }) => key)).not.toContain(ended.key);
    await expect(readFile(join(given.backend.root(ended.key), 'model/kept'))).rejects.toMatchObject(
      {
        code: 'ENOENT',
      },
    );
  });

  it('starts a removed job anew', async () => {
    const { job } = await given.run('say=again exit=0');
    await given.backend.remove(job.key);
    expect(await given.backend.submit(job)).toMatchObject({ adopted: false });
    await untilExited(given.backend, job.key);
    expect(await readAll(given.backend, job.key)).toEqual(['again']);
  });

  it('does not remove a job that runs', async () => {
    const running = await given.job('obey say=ready forever');
    await given.backend.submit(running);
    await untilSaid(given.backend, running.key, 'ready');
    await expect(given.backend.remove(running.key)).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await given.backend.status(running.key)).toMatchObject({ state: 'running' });
    await given.backend.cancel(running.key, 10_000);
  });

  it('leaves its folder for no key, however it is written', async () => {
    for (const key of ['../../etc', 'perennial-0123456789ab-1/../../x', '']) {
      expect(() => given.backend.root(key)).toThrow(RangeError);
      await expect(given.backend.logs(key, [])).rejects.toThrow(RangeError);
      await expect(given.backend.remove(key)).rejects.toThrow(RangeError);
    }
  });
}
