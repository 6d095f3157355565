import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

export interface BucketObject {
  key: string;
  bytes: number | undefined;
  modifiedAt: number;
}

/** What a bucket can do. */
export interface Bucket {
  glance(key: string): Promise<BucketObject | undefined>;
  /** Those whose keys begin so, up to a thousand. */
  listBelow(start: string): Promise<BucketObject[]>;
  put(key: string, body: string): Promise<void>;
  drop(key: string, signal?: AbortSignal): Promise<void>;
}

/** Milliseconds between a notice and the last moment at which its object is taken. */
const removalTakes = 20_000;
/** Milliseconds that a notice counts: whoever left it there for longer is dead. */
const noticeCounts = 60_000;

/**
 * Takes old objects away, but none that somebody has just put in their place. A bucket can neither rename nor delete by age in one step, so
 * a removal leaves a notice before it looks, and whoever keeps looks for one behind its upload: of the two one sees the other.
 */
export function createRemovals(
  bucket: Bucket,
  { keyOf, noticesOf }: Record<'keyOf' | 'noticesOf', (sha256: string) => string>,
  wait: () => Promise<unknown> = () => pause(200),
) {
  return {
    /** Removes an object unless it was put there after a moment; false then. A second run finds it gone. */
    async remove(sha256: string, unlessKeptSince: Date): Promise<boolean> {
      const deadline = AbortSignal.timeout(removalTakes);
      const notice = `${noticesOf(sha256)}${randomUUID()}`;
      await bucket.put(notice, 'This object is being removed.');
      const found = await bucket.glance(keyOf(sha256));
      const old = found !== undefined && found.modifiedAt <= unlessKeptSince.getTime();
      // Where this fails the notice stays: the bucket may still do what it was asked.
      if (old) await bucket.drop(keyOf(sha256), deadline);
      await takeBack(notice, await bucket.listBelow(noticesOf(sha256)));
      return old || found === undefined;
    },

    /** Whether an object that was just put there is there once nobody removes it any more. */
    async survives(sha256: string): Promise<boolean> {
      const until = Date.now() + noticeCounts;
      while ((await bucket.listBelow(noticesOf(sha256))).length > 0 && Date.now() < until)
        await wait();
      return (await bucket.glance(keyOf(sha256))) !== undefined;
    },
  };

  /** One's own, and what the dead have left. All ages by the bucket's clock. */
  async function takeBack(own: string, notices: BucketObject[]): Promise<void> {
    const begun = notices.find(({ key }) => key === own)?.modifiedAt ?? 0;
    for (const { key, modifiedAt } of notices)
      if (key === own || modifiedAt < begun - noticeCounts) await bucket.drop(key);
  }
}
