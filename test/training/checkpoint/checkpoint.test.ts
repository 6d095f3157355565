import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import type { KeptCheckpoint } from '../../../contracts/checkpoint.js';
import type { ArtifactRef } from '../../../contracts/names.js';
import type { ArtifactStore } from '../../../runtime/artifacts.js';
import {
  keepCheckpoint,
  restoreCheckpoint,
  surveyCheckpoints,
  verifyCheckpoint,
} from '../../../training/checkpoint.js';
import { createCheckpointKeeper } from '../../../training/checkpoint-keeper.js';
import { temporaryArtifacts, temporaryFolder } from '../../support/artifacts.js';

let folder: string;
let artifacts: ArtifactStore;
let read: string[];
beforeEach(async () => {
  folder = join(await temporaryFolder(), 'ml', 'checkpoints');
  await mkdir(folder, { recursive: true });
  artifacts = await temporaryArtifacts();
  read = [];
});

const put = async (path: string, content: string): Promise<void> => {
  await mkdir(join(folder, path, '../..'), { recursive: true });
  await writeFile(join(folder, path), content);
};
const pathsOf = async () => (await surveyCheckpoints(folder)).map(({ path }) => path);
const keep = async (into = artifacts, known = new Map<string, ArtifactRef>()) =>
  keepCheckpoint({ folder, files: await surveyCheckpoints(folder), step: 4 }, into, known);
/** The store, with something that happens before each file is read. */
const watched = (before: (path: string) => Promise<void> = async () => {}): ArtifactStore => ({
  ...artifacts,
  keepFile: async (path, kind) => {
    await before(path);
    const kept = await artifacts.keepFile(path, kind);
    read.push(await readFile(path, 'utf8'));
    return kept;
  },
});
const present = <T>(value: T | null | undefined): T => {
  if (value === null || value === undefined) throw new Error('Nothing is there.');
  return value;
};
const spoil = async (ref: ArtifactRef): Promise<void> => {
  const path = await artifacts.localPath(ref);
  await chmod(path, 0o644);
  await writeFile(path, 'other bytes');
};

describe('The checkpoints folder of a trainer', () => {
  it('counts plain files only, and no draft', async () => {
    await put('step-4/weights', 'w');
    await put('step-4/.part', 'p');
    await put('.step-8/weights', 'w');
    await put('state', 's');
    await symlink('/etc/hostname', join(folder, 'link'));
    await symlink('/etc', join(folder, 'step-4', 'elsewhere'));
    await promisify(execFile)('mkfifo', [join(folder, 'pipe')]);
    expect(await pathsOf()).toEqual(['state', 'step-4/.part', 'step-4/weights']);
  });

  it('has nothing where there is no folder or something else in its place', async () => {
    expect(await surveyCheckpoints(join(folder, 'nothing'))).toEqual([]);
    await symlink('/etc', join(folder, 'link'));
    expect(await surveyCheckpoints(join(folder, 'link'))).toEqual([]);
  });
});

describe('A kept checkpoint', () => {
  it('comes back file by file, for the trainer to write on in', async () => {
    await put('step-4/weights', 'w4');
    await put('step-4/deep/er/optimizer', 'o4');
    const kept = present(await keep());
    expect(kept).toMatchObject({ name: 'step-4', step: 4, bytes: 4 });
    const into = await temporaryFolder();
    await restoreCheckpoint(kept.manifest, artifacts, into);
    expect(await readFile(join(into, 'step-4/deep/er/optimizer'), 'utf8')).toBe('o4');
    expect((await stat(join(into, 'step-4/weights'))).mode & 0o777).toBe(0o644);
  });

  it('is named by its content', async () => {
    await put('state', 'one');
    const [once, twice] = [await keep(), await keep()];
    expect(once?.manifest).toEqual(twice?.manifest);
    await put('state', 'two');
    expect((await keep())?.manifest.sha256).not.toBe(once?.manifest.sha256);
  });

  it('is none when the trainer writes into a file that is being read', async () => {
    await put('state', 'one');
    expect(await keep(watched(() => put('state', 'longer than one')))).toBeNull();
  });

  it('holds what was seen when the trainer puts another in its place meanwhile', async () => {
    await put('state', 'one');
    await keep(
      watched(async () => {
        await put('.draft', 'two');
        await rename(join(folder, '.draft'), join(folder, 'state'));
      }),
    );
    expect(read).toEqual(['one']);
  });

  it('is refused when a file, its manifest, or a path in it is not what it should be', async () => {
    await put('state', 'one');
    const kept = present(await keep());
    const [file] = (await verifyCheckpoint(kept.manifest, artifacts)).files;
    const { content } = present(file);
    const manifest = (files: unknown) =>
      artifacts.keepBytes(JSON.stringify({ schemaVersion: 1, files }), 'checkpoint');
    for (const path of ['../out', '/etc/passwd', 'a//b', ''])
      await expect(
        restoreCheckpoint(await manifest([{ path, content }]), artifacts, folder),
      ).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
    await spoil(content);
    await expect(verifyCheckpoint(kept.manifest, artifacts)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: expect.stringContaining('digest') as string,
    });
    await artifacts.remove(kept.manifest.sha256);
    await expect(verifyCheckpoint(kept.manifest, artifacts)).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
    });
  });
});

describe('The keeper of checkpoints', () => {
  let now = 0;
  let troubles: unknown[];
  let recorded: KeptCheckpoint[];
  let takes: boolean;
  beforeEach(() => {
    now = 0;
    troubles = [];
    recorded = [];
    takes = true;
  });
  const keeperOf = (store: ArtifactStore) =>
    createCheckpointKeeper({
      folder,
      artifacts: store,
      clock: { now: () => new Date(now) },
      record: async (kept) => {
        if (takes) recorded.push(kept);
        return takes;
      },
      onTrouble: (error) => troubles.push(error),
    });

  it('keeps each checkpoint once and reads each file once', async () => {
    const keeper = keeperOf(watched());
    await put('step-1', 'one');
    await keeper.finish(1);
    await keeper.finish(1);
    await put('step-2', 'two');
    await keeper.finish(2);
    expect(recorded.map(({ name, step }) => [name, step])).toEqual([
      ['step-1', 1],
      ['step-2', 2],
    ]);
    expect(read).toEqual(['one', 'two']);
    expect(keeper.newest).toBe('step-2');
  });

  it('leaves a store in trouble alone for a while, and says so at the end', async () => {
    let broken = true;
    const keeper = keeperOf(
      watched(async () => {
        if (broken) throw new Error('no space');
      }),
    );
    await put('state', 'one');
    for (const moment of [0, 500, 9_000]) {
      now = moment;
      keeper.look(1);
      await expect.poll(() => troubles.length, { timeout: 10_000 }).toBe(1);
    }
    await expect(keeper.finish(1)).rejects.toThrow('no space');
    broken = false;
    now = 20_000;
    keeper.look(1);
    await expect.poll(() => recorded.length, { timeout: 10_000 }).toBe(1);
  });

  it('stops when its attempt may have no more', async () => {
    const keeper = keeperOf(watched());
    await put('state', 'one');
    takes = false;
    await keeper.finish(1);
    await put('state', 'three');
    await keeper.finish(2);
    expect(read).toEqual(['one']);
    expect(keeper.newest).toBeNull();
  });
});
