import { chmod, mkdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ArtifactStore } from '../../runtime/artifacts.js';
import { createFolderArtifacts } from '../../runtime/artifacts/folder.js';
import { createS3Artifacts } from '../../runtime/artifacts/s3.js';
import { sha256Hex } from '../../runtime/digest.js';
import { openArtifacts } from '../../runtime/artifacts/open.js';
import { temporaryFolder } from '../support/artifacts.js';

interface Place {
  store: ArtifactStore;
  /** Another process's view of the same store. */
  elsewhere: ArtifactStore;
  /** Overwrites what lies under a digest, behind the store's back. */
  spoil(sha256: string): Promise<void>;
  /** Makes it look as if it had been kept two days ago. */
  age(sha256: string): Promise<void>;
}

const places: { name: string; open: () => Promise<Place>; close: () => Promise<void> }[] = [
  { name: 'a folder', open: openFolder, close: () => Promise.resolve() },
  ...bucketPlace(),
];

describe.each(places)('artifacts in $name', ({ open, close }) => {
  let place: Place;
  beforeAll(async () => {
    place = await open();
  });
  afterAll(close);

  test('bytes come back the same, under a reference that says what they are', async () => {
    const ref = await place.store.keepBytes('{"rows": 3}', 'report');
    expect(ref).toMatchObject({ sha256: sha256Hex('{"rows": 3}'), bytes: 11, schemaVersion: 1 });
    expect(ref.uri).toMatch(/#report$/);
    expect(await place.elsewhere.readJson(ref)).toEqual({ rows: 3 });
  });

  test('a file larger than one upload part is copied in and found by its digest', async () => {
    const path = join(await temporaryFolder(), 'model.onnx');
    const bytes = Buffer.alloc(6_000_000, 'perennial');
    await writeFile(path, bytes);
    const ref = await place.store.keepFile(path, 'model');
    expect(ref.sha256).toBe(sha256Hex(bytes));
    expect(await place.store.has(ref.sha256)).toBe(true);
    expect((await readFile(await place.elsewhere.localPath(ref))).equals(bytes)).toBe(true);
  });

  test('the same bytes twice, also at once, are one object', async () => {
    const keep = () => place.store.keepBytes('twice', 'report');
    const [one, other] = await Promise.all([keep(), keep()]);
    expect(one).toEqual(other);
    expect(await listed(place.store, one.sha256)).toHaveLength(1);
  });

  test('what is not there is said to be missing', async () => {
    const ref = { uri: 'file:///nowhere', sha256: 'a'.repeat(64), bytes: 1, schemaVersion: 1 };
    expect(await place.store.has(ref.sha256)).toBe(false);
    await expect(place.store.localPath(ref)).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
  });

  test('changed bytes are refused', async () => {
    const ref = await place.store.keepBytes('true', 'report');
    await place.spoil(ref.sha256);
    await expect(place.elsewhere.readJson(ref)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });

  test('a removed artifact is gone, and removing it again changes nothing', async () => {
    const ref = await place.store.keepBytes('short-lived', 'report');
    const [entry] = await listed(place.store, ref.sha256);
    expect(entry).toMatchObject({ bytes: 11 });
    expect(Math.abs(Date.now() - (entry?.modifiedAt.getTime() ?? 0))).toBeLessThan(60_000);
    await place.store.remove(ref.sha256);
    await place.store.remove(ref.sha256);
    expect(await place.store.has(ref.sha256)).toBe(false);
    expect(await listed(place.store, ref.sha256)).toEqual([]);
  });

  test('an old artifact can be removed by its age, but not one that was kept again since', async () => {
    const keep = (text: string) => place.store.keepBytes(text, 'checkpoint');
    const [old, again] = await Promise.all([keep('forgotten'), keep('kept again')]);
    const yesterday = new Date(Date.now() - 86_400_000);
    expect(await place.store.remove(old.sha256, yesterday)).toBe(false);
    for (const { sha256 } of [old, again]) await place.age(sha256);
    await place.elsewhere.keepBytes('kept again', 'checkpoint');
    expect(await place.store.remove(old.sha256, yesterday)).toBe(true);
    expect(await place.store.remove(old.sha256, yesterday)).toBe(true);
    expect(await place.store.remove(again.sha256, yesterday)).toBe(false);
    expect(await place.store.has(old.sha256)).toBe(false);
    expect(await readFile(await place.elsewhere.localPath(again), 'utf8')).toBe('kept again');
  });

  test('an empty artifact is kept like any other', async () => {
    const ref = await place.store.keepBytes('', 'quarantine');
    expect((await stat(await place.elsewhere.localPath(ref))).size).toBe(0);
  });
});

test('an artifact in a folder cannot be written to', async () => {
  const store = createFolderArtifacts(await temporaryFolder());
  const { mode } = await stat(await store.localPath(await store.keepBytes('fixed', 'report')));
  expect(mode & 0o222).toBe(0);
});

test('a store that nothing was put into lists nothing', async () => {
  expect(await listed(createFolderArtifacts(join(await temporaryFolder(), 'new')))).toEqual([]);
});

test('the setting decides which store is opened', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'somebody');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'something');
  const home = await temporaryFolder();
  const folder = await openArtifacts({
    artifacts: join(home, 'artifacts'),
    s3Endpoint: undefined,
    home,
  });
  expect((await folder.keepBytes('x', 'report')).uri).toMatch(/^file:\/\//);
  const bucket = await openArtifacts({
    artifacts: 's3://models/ops/',
    s3Endpoint: 'http://127.0.0.1:1',
    home,
  });
  await expect(bucket.has('a'.repeat(64))).rejects.toThrow(/ECONNREFUSED/);
});

async function listed(store: ArtifactStore, sha256?: string) {
  const all = [];
  for await (const each of store.list()) all.push(each);
  return sha256 === undefined ? all : all.filter((each) => each.sha256 === sha256);
}

function ageFile(path: string): Promise<void> {
  const then = Date.now() / 1_000 - 2 * 86_400;
  return utimes(path, then, then);
}

async function openFolder(): Promise<Place> {
  const root = await temporaryFolder();
  return {
    store: createFolderArtifacts(root),
    elsewhere: createFolderArtifacts(root),
    spoil: async (sha256) => {
      const path = join(root, 'sha256', sha256.slice(0, 2), sha256);
      await chmod(path, 0o644);
      await writeFile(path, 'null');
    },
    age: (sha256) => ageFile(join(root, 'sha256', sha256.slice(0, 2), sha256)),
  };
}

/** s3rver ignores If-None-Match; the store does not lean on it, so nothing is skipped for that. */
function bucketPlace() {
  interface Server {
    run(): Promise<{ port: number }>;
    close(): Promise<void>;
  }
  let server: Server;
  const open = async (): Promise<Place> => {
    const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => Server;
    const directory = await temporaryFolder();
    await mkdir(join(directory, 'models'));
    server = new S3rver({
      port: 0,
      address: '127.0.0.1',
      silent: true,
      directory,
      configureBuckets: [{ name: 'models' }],
    });
    const { port } = await server.run();
    const view = async () =>
      createS3Artifacts({
        bucket: 'models',
        prefix: 'ops',
        cache: await temporaryFolder(),
        endpoint: `http://127.0.0.1:${port}`,
        forcePathStyle: true,
        region: 'us-east-1',
        credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
      });
    const [store, elsewhere, intruder] = await Promise.all([view(), view(), rawClient(port)]);
    return {
      store,
      elsewhere,
      spoil: (sha256) => intruder(`ops/sha256/${sha256.slice(0, 2)}/${sha256}`, 'null'),
      age: (sha256) =>
        ageFile(
          join(directory, 'models/ops/sha256', sha256.slice(0, 2), `${sha256}._S3rver_object`),
        ),
    };
  };
  return [{ name: 'a bucket', open, close: () => server.close() }];
}

async function rawClient(port: number) {
  const { PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const s3 = new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
  });
  return async (Key: string, Body: string) => {
    await s3.send(new PutObjectCommand({ Bucket: 'models', Key, Body }));
  };
}
