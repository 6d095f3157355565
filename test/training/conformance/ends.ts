import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import type { TrainingJob } from '../../../contracts/training.js';
import { untilExited, untilSaid } from '../watching.js';
import type { Given } from './given.js';

/** How a training ends: by its own exit code, killed, or asked to stop. */
export function describeEnds(given: Given): void {
  async function start(script: string): Promise<TrainingJob> {
    const job = await given.job(`${script} say=ready forever`);
    await given.backend.submit(job);
    await untilSaid(given.backend, job.key, 'ready');
    return job;
  }

  it.each([0, 1, 65, 75, 78, 143, 42])('hands on exit code %i', async (code) => {
    const { ended } = await given.run(`exit=${code}`);
    expect(ended).toMatchObject({ state: 'exited', code, outOfMemory: false });
    expect(Date.parse(ended.finishedAt)).toBeGreaterThanOrEqual(Date.parse(ended.startedAt));
  });

  it('says 137 of a trainer that killed itself', async () => {
    expect((await given.run('killed')).ended).toMatchObject({ code: 137, outOfMemory: false });
  });

  it('says 137 of a job that was killed behind its back', async () => {
    const { key } = await start('');
    await given.under.kill(key);
    expect(await untilExited(given.backend, key)).toMatchObject({ code: 137, outOfMemory: false });
  });

  it('lets a trainer that is asked to stop end by itself', async () => {
    const { key } = await start('obey');
    await given.backend.cancel(key, 10_000);
    expect(await given.backend.status(key)).toMatchObject({ state: 'exited', code: 143 });
  });

  it('stops a trainer that does not listen for the wish at once', async () => {
    const { key } = await start('');
    const began = performance.now();
    await given.backend.cancel(key, 30_000);
    expect(performance.now() - began).toBeLessThan(15_000);
    expect(await given.backend.status(key)).toMatchObject({ state: 'exited', code: 143 });
  });

  it('kills a trainer that does not stop within its grace, and not before', async () => {
    const { key } = await start('refuse');
    const began = performance.now();
    await given.backend.cancel(key, 700);
    expect(performance.now() - began).toBeGreaterThanOrEqual(700);
    expect(await given.backend.status(key)).toMatchObject({ state: 'exited', code: 137 });
  });

  it('keeps to the grace while the clock of the worker is set back and forth', async () => {
    const { key } = await start('refuse');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 86_400_000 });
    try {
      const began = performance.now();
      const cancelled = given.backend.cancel(key, 500);
      await delay(100);
      vi.setSystemTime(Date.now() + 2 * 86_400_000);
      await cancelled;
      expect(performance.now() - began).toBeGreaterThanOrEqual(500);
    } finally {
      vi.useRealTimers();
    }
    const ended = await untilExited(given.backend, key);
    expect(ended.code).toBe(137);
    expect(Date.parse(ended.finishedAt)).toBeGreaterThanOrEqual(Date.parse(ended.startedAt));
  });

  it('has nothing against two who cancel at once', async () => {
    const { key } = await start('obey');
    await Promise.all([given.backend, given.under.open()].map((each) => each.cancel(key, 10_000)));
    expect(await given.backend.status(key)).toMatchObject({ state: 'exited', code: 143 });
  });

  it('has nothing against cancelling what has ended or never was', async () => {
    const { job: ended } = await given.run('exit=0');
    await given.backend.cancel(ended.key, 0);
    await given.backend.cancel((await given.job('')).key, 0);
    expect(await given.backend.status(ended.key)).toMatchObject({ code: 0 });
  });
}
