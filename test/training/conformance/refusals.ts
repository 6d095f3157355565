import { expect, it } from 'vitest';
import type { TrainingJob } from '../../../contracts/training.js';
import type { Given } from './given.js';

/** Jobs that cannot run: a clear code, and nothing half done remains. */
export function describeRefusals(given: Given): void {
  async function refused(changes: Partial<TrainingJob>): Promise<unknown> {
    const job = await given.job('exit=0', changes);
    const error = await given.backend.submit(job).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(await given.backend.status(job.key)).toEqual({ state: 'gone' });
    expect((await given.backend.list()).map(({ key }) => key)).not.toContain(job.key);
    return error;
  }

  it('names the image that is nowhere', async (context) => {
    const { missing } = given.needs(context, given.under.images);
    expect(await refused({ image: missing })).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      message: expect.stringContaining(missing) as string,
    });
  });

  it('ends a job whose command is not there by 127, and says so', async (context) => {
    const { withoutCommand } = given.needs(context, given.under.images);
    const { ended } = await given.run('exit=0', { image: withoutCommand });
    expect(ended).toMatchObject({ code: 127, outOfMemory: false });
    expect(ended.reason).toMatch(/no such file|not found/);
  });

  it('names what no machine has: a GPU', async (context) => {
    given.needs(context, given.under.withoutGpu);
    expect(await refused({ resources: { gpus: { class: 'a10', count: 1 } } })).toMatchObject({
      code: 'PLACEMENT_FAILED',
      message: expect.stringMatching(/gpu/i) as string,
    });
  });

  it('names what no machine has: a thousand CPUs', async (context) => {
    given.needs(context, given.under.limits);
    expect(await refused({ resources: { cpus: 1_000 } })).toMatchObject({
      code: 'PLACEMENT_FAILED',
      message: expect.stringMatching(/cpu/i) as string,
    });
  });
}
