import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createRemovals,
  type Bucket,
  type BucketObject,
} from '../../runtime/artifacts/s3-removal.js';

/** A bucket whose every request is answered when the scheduler says so; what is put there carries the time of a clock that ticks. */
function openBucket(scheduler: fc.Scheduler, now: () => number) {
  const objects = new Map<string, BucketObject>();
  const asked = <T>(name: string, answer: () => T): Promise<T> =>
    scheduler.schedule(Promise.resolve(), name).then(answer);
  const bucket: Bucket = {
    glance: (key) => asked(`glance ${key}`, () => objects.get(key)),
    listBelow: (start) =>
      asked(`list ${start}`, () =>
        [...objects.values()].filter(({ key }) => key.startsWith(start)),
      ),
    put: (key) =>
      asked(`put ${key}`, () => void objects.set(key, { key, bytes: 0, modifiedAt: now() })),
    drop: (key) => asked(`drop ${key}`, () => void objects.delete(key)),
  };
  return { objects, bucket };
}

const names = { keyOf: (sha256: string) => sha256, noticesOf: (sha256: string) => `of ${sha256}/` };

test('whatever the order, what a keeper was told is there is there when all removals are over', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 1, max: 2 }), async (scheduler, many) => {
      let time = 1_000;
      const { objects, bucket } = openBucket(scheduler, () => (time += 1));
      objects.set('a', { key: 'a', bytes: 0, modifiedAt: 0 });
      const removals = createRemovals(bucket, names, () =>
        scheduler.schedule(Promise.resolve(), 'wait'),
      );
      const keep = async () => {
        for (let tries = 0; tries < 3; tries += 1) {
          await bucket.put('a', '');
          if (await removals.survives('a')) return true;
        }
        return false;
      };
      const removed = Array.from({ length: many }, () => removals.remove('a', new Date(500)));
      const kept = Array.from({ length: many }, keep);
      await scheduler.waitFor(Promise.all([...removed, ...kept]));
      expect(await Promise.all(kept)).not.toContain(false);
      expect([...objects.keys()]).toEqual(['a']);
    }),
    { numRuns: 400 },
  );
});

test('the notice of a removal that died is taken back by the next one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { objects, bucket } = openBucket(scheduler, () => 100_000);
      objects.set('of a/dead', { key: 'of a/dead', bytes: 0, modifiedAt: 0 });
      objects.set('of a/alive', { key: 'of a/alive', bytes: 0, modifiedAt: 90_000 });
      const removed = createRemovals(bucket, names).remove('a', new Date());
      expect(await scheduler.waitFor(removed)).toBe(true);
      expect([...objects.keys()]).toEqual(['of a/alive']);
    }),
    { numRuns: 5 },
  );
});
