import fc from 'fast-check';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createGpuReclaim } from '../../../activities/training/gpu-reclaim.js';
import { silentLog } from '../../../runtime/log.js';
import {
  regainGpus,
  releaseGpus,
  renewGpus,
  takeGpus,
  type GpuLease,
  type GpusTaken,
} from '../../../db/gpu/lease.js';
import { freeOverdue, listOverdue } from '../../../db/gpu/reclaim.js';
import { openTrainingRun } from '../../../db/training/training.js';
import { temporaryArtifacts } from '../../support/artifacts.js';
import { freshDatabase, type FreshDatabase } from '../../support/postgres.js';
import { givenTraining } from '../given.js';

const machine = { host: 'one', class: 'a10', devices: [0, 1, 2] };
const ttl = 60_000;

describe('The GPUs of a machine', () => {
  let fresh: FreshDatabase;
  let db: FreshDatabase['db'];
  const keys: string[] = [];
  const names: string[] = [];

  beforeAll(async () => {
    fresh = await freshDatabase();
    ({ db } = fresh);
    const artifacts = await temporaryArtifacts();
    for (let job = 0; job < 8; job += 1) {
      const input = await givenTraining({ db, artifacts }, 'succeed');
      await openTrainingRun(db, input, 'process');
      keys.push(input.key);
      names.push(`${input.model}/1`);
    }
  });
  afterAll(() => fresh.close());
  beforeEach(async () => {
    await db.execute(sql`DELETE FROM gpu_wait`);
    await db.execute(sql`DELETE FROM gpu_lease`);
  });

  const keyOf = (job: number) => keys[job - 1] ?? '';
  const ask = (job: number, count = 1, priority = 3) =>
    takeGpus(db, machine, { key: keyOf(job), count, priority, ttl });
  const take = async (job: number, count = 1) => lease(await ask(job, count));
  const lease = (answer: GpuLease | GpusTaken): GpuLease => {
    if ('fence' in answer) return answer;
    throw new Error(`Not taken: ${JSON.stringify(answer)}`);
  };
  const lapse = ({ key }: GpuLease) =>
    db.execute(
      sql`UPDATE gpu_lease SET expires_at = now() - interval '1 second' WHERE key = ${key}`,
    );

  /** What a worker of the machine does once nothing of these runs there any more. */
  const takeBack = async () => {
    const overdue = await listOverdue(db, machine.host);
    for (const { key } of overdue) await freeOverdue(db, machine.host, key);
    return overdue;
  };

  it('are taken all or none, and told of to those who wait', async () => {
    expect(await take(1, 2)).toMatchObject({ devices: [0, 1], fence: 1 });
    expect(await ask(2, 2)).toMatchObject({ ahead: 0, holders: [names[0]] });
    await releaseGpus(db, keyOf(1));
    expect(await take(2, 2)).toMatchObject({ devices: [0, 1], fence: 2 });
  });

  it('go to the more urgent one first, then to the one that has waited longer', async () => {
    await take(1, 3);
    await ask(2, 2);
    await ask(3);
    await ask(4, 1, 1);
    await releaseGpus(db, keyOf(1));
    expect(await ask(3)).toMatchObject({ ahead: 2 });
    expect(await ask(2, 2)).toMatchObject({ ahead: 1 });
    expect(await take(4)).toMatchObject({ devices: [0] });
    expect(await take(2, 2)).toMatchObject({ devices: [1, 2] });
  });

  it('are not kept for one that has stopped asking', async () => {
    await take(1, 3);
    await ask(2);
    await db.execute(sql`UPDATE gpu_wait SET asked_at = now() - interval '1 minute'`);
    await releaseGpus(db, keyOf(1));
    expect(await take(3, 3)).toMatchObject({ devices: [0, 1, 2] });
  });

  it('stay with a training whose worker is replaced: the earlier worker has no say any more', async () => {
    const first = await take(1, 2);
    const second = await regainGpus(db, { key: keyOf(1), count: 2, ttl });
    expect(second).toMatchObject({ devices: first.devices, fence: first.fence + 1 });
    expect(await renewGpus(db, first, ttl)).toEqual({ kind: 'superseded' });
    expect(second && (await renewGpus(db, second, ttl))).toMatchObject({ kind: 'held' });
    expect(await take(1, 2)).toMatchObject({ devices: first.devices, fence: first.fence + 2 });
  });

  it('are taken back once nobody renews them, and the late one hears who has them now', async () => {
    const late = await take(1, 3);
    await lapse(late);
    expect(await ask(2)).toMatchObject({ holders: [names[0]] });
    expect(await renewGpus(db, late, ttl)).toMatchObject({ kind: 'held' });
    expect(await takeBack()).toEqual([]);
    await lapse(late);
    expect(await takeBack()).toEqual([{ key: keyOf(1), ended: false }]);
    expect(await renewGpus(db, late, ttl)).toEqual({ kind: 'lost', to: null });
    await take(2);
    expect(await renewGpus(db, late, ttl)).toEqual({ kind: 'lost', to: names[1] });
    expect(await regainGpus(db, { key: keyOf(1), count: 1, ttl })).toBeNull();
  });

  it('are taken back when they are needed, and by who has long seen them forgotten, and first what runs there is stopped', async () => {
    const stopped: string[] = [];
    const stop = async (key: string) => {
      expect(await renewGpus(db, held, ttl)).toMatchObject({ kind: 'held' });
      await lapse(held);
      stopped.push(key);
    };
    const worker = (patience: number) => createGpuReclaim({ db, log: silentLog, stop, patience });
    const held = await take(1, 3);
    await worker(0).reclaim(machine.host, { needed: true });
    await lapse(held);
    await worker(0).reclaim(machine.host, { needed: false });
    await worker(ttl).reclaim(machine.host, { needed: true });
    expect(stopped).toEqual([]);
    const patient = worker(0);
    await Promise.all([1, 2].map(() => patient.reclaim(machine.host, { needed: true })));
    expect(stopped).toEqual([held.key]);
    expect(await take(2, 3)).toMatchObject({ fence: 2 });
  });

  it('are not freed under one that has renewed them meanwhile', async () => {
    const late = await take(1);
    await lapse(late);
    const [overdue] = await listOverdue(db, machine.host);
    await renewGpus(db, late, ttl);
    await freeOverdue(db, machine.host, overdue?.key ?? '');
    expect(await renewGpus(db, late, ttl)).toMatchObject({ kind: 'held' });
  });

  it('cannot change hands in SQL while they are held, nor with a fence that falls', async () => {
    await take(1);
    const refused = async (change: string) => {
      const error: unknown = await fresh.pool
        .query(`UPDATE gpu_lease SET ${change}`)
        .catch((thrown: unknown) => thrown);
      return (error as { code?: string }).code;
    };
    expect(await refused(`key = '${keyOf(2)}', fence = fence + 1 WHERE device = 0`)).toBe('23514');
    expect(await refused(`fence = 0 WHERE device = 0`)).toBe('23514');
    expect(await refused(`key = '${keyOf(2)}', expires_at = now() WHERE device = 1`)).toBe('23514');
  });

  it('never have two holders, whoever races and crashes', async () => {
    const racers = fc.array(
      fc.record({
        job: fc.integer({ min: 1, max: 8 }),
        count: fc.integer({ min: 1, max: 3 }),
        crashes: fc.boolean(),
      }),
      { minLength: 4, maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(racers, async (asked) => {
        await releaseAll();
        const holders = new Map<number, string>();
        const jobs = [...new Map(asked.map((each) => [each.job, each])).values()];
        await Promise.all(
          jobs.map(async ({ job, count, crashes }) => {
            let answer = await ask(job, count);
            while (!('fence' in answer)) {
              await takeBack();
              answer = await ask(job, count);
            }
            for (const device of answer.devices) {
              expect(holders.get(device)).toBeUndefined();
              holders.set(device, answer.key);
            }
            expect(await renewGpus(db, answer, ttl)).toMatchObject({ kind: 'held' });
            for (const device of answer.devices) holders.delete(device);
            await (crashes ? lapse(answer) : releaseGpus(db, answer.key));
          }),
        );
        expect(holders.size).toBe(0);
      }),
      { numRuns: 12 },
    );
  });

  const releaseAll = async () => {
    for (let job = 1; job <= 8; job += 1) await releaseGpus(db, keyOf(job));
  };
});
