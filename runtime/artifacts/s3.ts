import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type _Object,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { PerennialError } from '../../contracts/errors.js';
import type { ArtifactRef } from '../../contracts/names.js';
import { keptAnewAfter, type ArtifactStore } from '../artifacts.js';
import { sha256Hex, sha256OfFile } from '../digest.js';
import { createContentFolder } from './content-folder.js';
import { createRemovals } from './s3-removal.js';

/** An object that is taken away behind its upload is put there again, so often. */
const uploads = 3;

/**
 * Artifacts in a bucket; what is read is kept in `cache`. A name says what the bytes are, so a lost race between two writers overwrites an object
 * with its equal.
 */
export function createS3Artifacts({
  bucket,
  prefix,
  cache,
  ...options
}: {
  bucket: string;
  /** Without slashes at its ends; may be empty. */
  prefix: string;
  /** Folder for local copies. */
  cache: string;
} & S3ClientConfig): ArtifactStore {
  const s3 = new S3Client({
    // Only AWS itself understands the checksums that the SDK would add; ours is the name.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...options,
  });
  const copies = createContentFolder(cache);
  const top = prefix === '' ? '' : `${prefix}/`;
  const folder = `${top}sha256/`;
  const keyOf = (sha256: string) => `${folder}${sha256.slice(0, 2)}/${sha256}`;

  const glance = async (Key: string) => {
    try {
      const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key }));
      return { key: Key, bytes: head.ContentLength, modifiedAt: head.LastModified?.getTime() ?? 0 };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  };

  const put = async (Key: string, Body: string) => {
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  };

  const drop = async (Key: string, abortSignal?: AbortSignal) => {
    const options = abortSignal ? { abortSignal } : {};
    await s3.send(new DeleteObjectCommand({ Bucket: bucket, Key }), options);
  };

  const listBelow = async (Prefix: string) => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }));
    return Contents.map(describe);
  };

  const noticesOf = (sha256: string) => `${top}removing/${sha256}/`;
  const removals = createRemovals({ glance, listBelow, put, drop }, { keyOf, noticesOf });

  const upload = async (sha256: string, kind: string, body: () => Readable): Promise<void> => {
    for (let tries = 0; tries < uploads; tries += 1) {
      const params = { Bucket: bucket, Key: keyOf(sha256), Body: body(), Metadata: { kind } };
      await new Upload({ client: s3, params }).done();
      if (await removals.survives(sha256)) return;
    }
    throw new PerennialError(
      'ARTIFACT_NOT_FOUND',
      `s3://${bucket}/${keyOf(sha256)} was put there ${uploads} times and is not there.`,
    );
  };

  const keep = async (
    { sha256, bytes, kind }: { sha256: string; bytes: number; kind: string },
    body: () => Readable,
  ): Promise<ArtifactRef> => {
    const Key = keyOf(sha256);
    const found = await glance(Key);
    if (found?.bytes !== bytes || found.modifiedAt < Date.now() - keptAnewAfter)
      await upload(sha256, kind, body);
    return { uri: `s3://${bucket}/${Key}#${kind}`, sha256, bytes, schemaVersion: 1 };
  };

  const download = async (sha256: string): Promise<void> => {
    try {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: keyOf(sha256) }));
      const found = await copies.add(Body as Readable);
      if (found.sha256 === sha256) return;
      await copies.remove(found.sha256);
      throw new PerennialError(
        'ARTIFACT_CORRUPT',
        `s3://${bucket}/${keyOf(sha256)} holds bytes with digest ${found.sha256}.`,
      );
    } catch (error) {
      if (!isMissing(error)) throw error;
      throw new PerennialError(
        'ARTIFACT_NOT_FOUND',
        `There is no artifact ${sha256} in s3://${bucket}/${folder}.`,
      );
    }
  };

  const localPath = async ({ sha256 }: ArtifactRef): Promise<string> => {
    if (!(await copies.has(sha256))) await download(sha256);
    return copies.verified(sha256);
  };

  return {
    keepFile: async (path, kind) => {
      const [sha256, { size }] = await Promise.all([sha256OfFile(path), stat(path)]);
      return keep({ sha256, bytes: size, kind }, () => createReadStream(path));
    },
    keepBytes: (given, kind) => {
      const bytes = Buffer.from(given);
      return keep({ sha256: sha256Hex(bytes), bytes: bytes.byteLength, kind }, () =>
        Readable.from([bytes]),
      );
    },
    localPath,
    readJson: async (ref) => JSON.parse(await readFile(await localPath(ref), 'utf8')) as unknown,
    has: async (sha256) => (await glance(keyOf(sha256))) !== undefined,
    list: () => listObjects(s3, { bucket, folder }),
    remove: async (sha256, unlessKeptSince) => {
      if (unlessKeptSince) {
        if (!(await removals.remove(sha256, unlessKeptSince))) return false;
      } else await drop(keyOf(sha256));
      await copies.remove(sha256);
      return true;
    },
  };
}

async function* listObjects(s3: S3Client, { bucket, folder }: { bucket: string; folder: string }) {
  let ContinuationToken: string | undefined;
  do {
    const page = await s3.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: folder, ContinuationToken }),
    );
    for (const { key, bytes, modifiedAt } of (page.Contents ?? []).map(describe)) {
      yield { sha256: key.slice(-64), bytes, modifiedAt: new Date(modifiedAt) };
    }
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
}

function describe({ Key = '', Size = 0, LastModified }: _Object) {
  return { key: Key, bytes: Size, modifiedAt: LastModified?.getTime() ?? 0 };
}

function isMissing(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound'].includes((error as Error).name);
}
