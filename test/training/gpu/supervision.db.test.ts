import { ActivityCancellationDetails } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { sql } from 'drizzle-orm';
import { afterAll, describe, expect, it } from 'vitest';
import { createGpuLeases } from '../../../activities/training/gpu-lease.js';
import { createTrainingSupervision } from '../../../activities/training/supervise.js';
import { listCheckpoints } from '../../../db/training/checkpoint.js';
import { advertiseGpus } from '../../../db/gpu/advert.js';
import { takeGpus } from '../../../db/gpu/lease.js';
import { freeOverdue } from '../../../db/gpu/reclaim.js';
import { recordOutcome } from '../../../db/training/training.js';
import { systemClock } from '../../../runtime/clock.js';
import { silentLog } from '../../../runtime/log.js';
import { untilExited, untilSaid } from '../backend-conformance.js';
import { openWorkplace } from '../workplace.js';

const host = 'one';
const ttl = 60_000;

const place = await openWorkplace();
const { fresh, artifacts, backend, linesOf } = place;
afterAll(() => place.close());

describe('A training that asks for GPUs', () => {
  let janitorCalls = 0;
  /** An attempt that asks for GPUs of a class; this machine has two of each class that a test names. */
  const open = async (name: string, script: string, count = 1, priority = 3) => {
    const asked = { resources: { gpus: { class: name, count } }, priority };
    return { name, input: await place.open(script, asked) };
  };
  const begin = ({ name, input }: Awaited<ReturnType<typeof open>>) => {
    const owned = [{ host, class: name, devices: devicesOf(name) }];
    const { superviseTraining } = createTrainingSupervision({
      db: fresh.db,
      artifacts,
      backend,
      log: silentLog,
      clock: systemClock,
      pollEvery: 20,
      janitor: { call: async () => void (janitorCalls += 1) },
      leases: createGpuLeases({
        db: fresh.db,
        log: silentLog,
        owned,
        stop: (key) => backend.cancel(key, 5_000),
        patience: 0,
        every: 50,
        stay: 0,
      }),
    });
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const waiting = new Promise<string>((resolve) => {
      environment.on('heartbeat', (told?: { waiting?: string }) => {
        if (told?.waiting) resolve(told.waiting);
      });
    });
    return {
      result: environment.run(superviseTraining, input),
      waiting,
      cancel: environment.cancel,
    };
  };
  const holdersOf = async (name: string) => {
    const { rows } = await fresh.db.execute<{ device: number; key: string | null }>(
      sql`SELECT device, key FROM gpu_lease WHERE class = ${name} ORDER BY device`,
    );
    return rows.map(({ key }) => key);
  };

  it('sees those that it holds and no other, and frees them at its end', async () => {
    const both = await open('a10', 'variable=CUDA_VISIBLE_DEVICES exit=65', 2);
    await begin(both).result;
    expect(await linesOf(both.input)).toEqual(['CUDA_VISIBLE_DEVICES 0,1']);
    expect(await holdersOf('a10')).toEqual([null, null]);
  });

  it('waits with a reason while others hold them, and starts once they are free', async () => {
    const first = await open('b10', 'obey say=begun forever');
    const second = await open('b10', 'variable=CUDA_VISIBLE_DEVICES exit=65', 2);
    const running = begin(first);
    await untilSaid(backend, first.input.key, 'begun');
    const later = begin(second);
    expect(await later.waiting).toBe(
      `Waits for 2 GPUs of class b10 on one: 0 go first; held by ${first.input.model}/1.`,
    );
    expect(await backend.status(second.input.key)).toEqual({ state: 'gone' });
    running.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await running.result.catch(() => null);
    expect(await later.result).toMatchObject({ kind: 'failed', code: 65 });
    expect(await linesOf(second.input)).toEqual(['CUDA_VISIBLE_DEVICES 2,3']);
  });

  it('can be cancelled while it waits', async () => {
    const first = await open('c10', 'succeed', 2);
    await takeGpus(
      fresh.db,
      { host, class: 'c10', devices: devicesOf('c10') },
      { key: first.input.key, count: 2, priority: 3, ttl },
    );
    const waiting = begin(await open('c10', 'succeed'));
    await waiting.waiting;
    waiting.cancel('CANCELLED', new ActivityCancellationDetails({ cancelRequested: true }));
    await expect(waiting.result).rejects.toThrow('stopped');
    const { rows } = await fresh.db.execute(sql`SELECT key FROM gpu_wait WHERE class = 'c10'`);
    expect(rows).toEqual([]);
  });

  it('is stopped, and tried again, when its GPU went to another one while no worker was there', async () => {
    const asked = await open('d10', 'obey say=begun forever');
    const worker = begin(asked);
    await untilSaid(backend, asked.input.key, 'begun');
    worker.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await worker.result.catch(() => null);
    expect(await holdersOf('d10')).toEqual([asked.input.key, null]);
    await fresh.db.execute(
      sql`UPDATE gpu_lease SET expires_at = now() - interval '1 second' WHERE key = ${asked.input.key}`,
    );
    await freeOverdue(fresh.db, host, asked.input.key);
    const other = await open('d10', 'succeed', 2);
    await takeGpus(
      fresh.db,
      { host, class: 'd10', devices: devicesOf('d10') },
      { key: other.input.key, count: 2, priority: 3, ttl },
    );
    expect(await begin(asked).result).toMatchObject({
      kind: 'retry',
      code: 75,
      reason: expect.stringContaining('given to others') as string,
    });
    expect(await untilExited(backend, asked.input.key)).toMatchObject({ code: 143 });
    expect(await holdersOf('d10')).toEqual([other.input.key, other.input.key]);
  });

  it('has a forgotten trainer stopped before it gets the GPU of that one, and never sooner', async () => {
    const forgotten = await open('h10', 'obey say=begun forever', 2);
    const worker = begin(forgotten);
    await untilSaid(backend, forgotten.input.key, 'begun');
    worker.cancel('NOT_FOUND', new ActivityCancellationDetails({ notFound: true }));
    await worker.result.catch(() => null);
    expect(janitorCalls).toBe(1);
    expect(await backend.status(forgotten.input.key)).toMatchObject({ state: 'running' });
    await fresh.db.execute(
      sql`UPDATE gpu_lease SET expires_at = now() - interval '1 second' WHERE key = ${forgotten.input.key}`,
    );
    const next = await open('h10', 'exit=65');
    expect(await begin(next).result).toMatchObject({ kind: 'failed', code: 65 });
    const stopped = await backend.status(forgotten.input.key);
    const started = await backend.status(next.input.key);
    if (stopped.state !== 'exited' || started.state !== 'exited') throw new Error('One still runs');
    expect(stopped.code).toBe(143);
    expect(Date.parse(started.startedAt)).toBeGreaterThanOrEqual(Date.parse(stopped.finishedAt));
    expect(await holdersOf('h10')).toEqual([null, null]);
  });

  it('gets at once what a training holds that the janitor has closed, however long its lease would last', async () => {
    const closed = await open('i10', 'succeed', 2);
    const taken = { key: closed.input.key, count: 2, priority: 3, ttl };
    await takeGpus(fresh.db, { host, class: 'i10', devices: devicesOf('i10') }, taken);
    const outcome = { kind: 'failed', code: 143, reason: 'gone' } as const;
    await recordOutcome(fresh.db, closed.input, outcome);
    const next = begin(await open('i10', 'exit=65', 2));
    expect(await next.result).toMatchObject({ kind: 'failed', code: 65 });
  });

  it('goes back to its queue where another machine has room for it', async () => {
    const first = await open('f10', 'succeed', 2);
    await takeGpus(
      fresh.db,
      { host, class: 'f10', devices: devicesOf('f10') },
      { key: first.input.key, count: 2, priority: 3, ttl },
    );
    await advertiseGpus(fresh.db, [{ host: 'two', class: 'f10', devices: [0] }]);
    await expect(begin(await open('f10', 'succeed')).result).rejects.toMatchObject({
      type: 'BACK_TO_THE_QUEUE',
      nonRetryable: false,
    });
  });

  it('gives way also when the worker that had it stopped did not live to see that', async () => {
    const asked = await open('g10', 'obey save=half:1 say=begun forever', 2);
    const worker = begin(asked);
    await untilSaid(backend, asked.input.key, 'begun');
    worker.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true }));
    await worker.result.catch(() => null);
    const urgent = await open('g10', 'succeed', 1, 1);
    const waiting = { key: urgent.input.key, count: 1, priority: 1, ttl, preempt: true };
    await takeGpus(fresh.db, { host, class: 'g10', devices: devicesOf('g10') }, waiting);
    await backend.cancel(asked.input.key, 5_000);
    expect(await begin(asked).result).toMatchObject({
      kind: 'retry',
      preempted: true,
      reason: expect.stringContaining(`gave its GPUs to ${urgent.input.model}/1`) as string,
    });
    expect(await holdersOf('g10')).toEqual([null, null]);
    const next = { ...asked.input, attempt: 2 };
    expect(await listCheckpoints(fresh.db, next)).toMatchObject([{ name: 'half' }]);
  });

  it('fails where the machine will never have as many', async () => {
    const asked = await open('e10', 'succeed', 3);
    await expect(begin(asked).result).rejects.toMatchObject({ code: 'PLACEMENT_FAILED' });
  });
});

/** Two for each class. */
function devicesOf(name: string): number[] {
  const first = 2 * (name.charCodeAt(0) - 'a'.charCodeAt(0));
  return [first, first + 1];
}
