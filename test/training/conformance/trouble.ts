import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readAll, untilExited, untilSaid } from '../watching.js';
import type { Given } from './given.js';

/** What goes wrong around a job that is right. */
export function describeTrouble(given: Given): void {
  it('says that the engine is away, and finds the job again when it is back', async (context) => {
    const outage = given.needs(context, given.under.outage);
    const job = await given.job('say=before await=gate say=after exit=0');
    await given.backend.submit(job);
    await untilSaid(given.backend, job.key, 'before');
    await outage.begin();
    const away = { code: 'ENGINE_UNAVAILABLE' };
    await expect(given.backend.status(job.key)).rejects.toMatchObject(away);
    await expect(given.backend.logs(job.key, [])).rejects.toMatchObject(away);
    await expect(given.backend.submit(await given.job('exit=0'))).rejects.toMatchObject(away);
    await expect(given.backend.cancel(job.key, 0)).rejects.toMatchObject(away);
    await expect(given.backend.list()).rejects.toMatchObject(away);
    await outage.end();
    expect(await given.backend.submit(job)).toMatchObject({ adopted: true });
    await writeFile(join(given.backend.root(job.key), 'gate'), '');
    expect(await untilExited(given.backend, job.key)).toMatchObject({ code: 0 });
    expect(await readAll(given.backend, job.key)).toEqual(['before', 'after']);
  });

  it('outlives a full disk: the trainer says what it met, and how it ended is known', async (context) => {
    const { backend, close } = await given.needs(context, given.under.smallDisk)();
    try {
      const job = await given.job('say=begun fill exit=0');
      await backend.submit(job);
      expect(await untilExited(backend, job.key)).toMatchObject({ code: 1, outOfMemory: false });
      await backend.logs(job.key, []);
      await backend.remove(job.key);
      expect(await backend.status(job.key)).toEqual({ state: 'gone' });
    } finally {
      await close();
    }
  });
}
